import { StorageReference, TensorCall } from './tensor-call.ts';
import type { PyNode } from './values.ts';

const NOWHERE = -1;

/** The number that a node of its kind has in its stream; -1 where it has none. */
function ordinalOf(node: PyNode): number {
  return node instanceof TensorCall || node instanceof StorageReference ? node.ordinal : -1;
}

/**
 * A map by nodes that finds those by their number which have one. A hundred thousand tensors would each be hashed otherwise, and kept
 * once more in every map.
 */
export class NodeTable<Node extends PyNode, T> implements ReadonlyMap<Node, T> {
  /** In the order in which they were set; what lies behind `size` is room. */
  readonly #nodes: Node[];
  readonly #values: T[];
  #size = 0;
  /**
   * Where the node of a number stands in the lists; undefined while each stands at its number. Another stream has the same numbers:
   * the first node that comes takes the place.
   */
  #numbered: number[] | undefined;
  readonly #others = new Map<Node, number>();

  /** @param expected About how many nodes there will be. */
  constructor(expected = 0) {
    this.#nodes = new Array(expected);
    this.#values = new Array(expected);
  }

  get size(): number {
    return this.#size;
  }

  get(node: Node): T | undefined {
    const at = this.#find(node);
    return at === undefined ? undefined : this.#values[at];
  }

  has(node: Node): boolean {
    return this.#find(node) !== undefined;
  }

  set(node: Node, value: T): this {
    const known = this.#find(node);
    if (known !== undefined) {
      this.#values[known] = value;
      return this;
    }
    const at = this.#size++;
    this.#nodes[at] = node;
    this.#values[at] = value;
    const ordinal = ordinalOf(node);
    if (ordinal < 0) this.#others.set(node, at);
    else if (ordinal !== at || this.#numbered) this.#number(node, ordinal, at);
    return this;
  }

  #number(node: Node, ordinal: number, at: number): void {
    this.#numbered ??= this.#numbersUntil(at);
    const numbered = this.#numbered;
    if ((numbered[ordinal] ?? NOWHERE) !== NOWHERE) this.#others.set(node, at);
    else if (ordinal < numbered.length) numbered[ordinal] = at;
    else {
      while (numbered.length < ordinal) numbered.push(NOWHERE);
      numbered.push(at);
    }
  }

  #numbersUntil(end: number): number[] {
    const numbered: number[] = [];
    for (let at = 0; at < end; at++) numbered.push(ordinalOf(this.#nodes[at] as Node) === at ? at : NOWHERE);
    return numbered;
  }

  #find(node: Node): number | undefined {
    const ordinal = ordinalOf(node);
    const at = ordinal < 0 ? undefined : this.#numbered ? this.#numbered[ordinal] : ordinal;
    return at !== undefined && this.#nodes[at] === node ? at : this.#others.get(node);
  }

  *keys(): MapIterator<Node> {
    for (let at = 0; at < this.#size; at++) yield this.#nodes[at] as Node;
  }

  *values(): MapIterator<T> {
    for (let at = 0; at < this.#size; at++) yield this.#values[at] as T;
  }

  *entries(): MapIterator<[Node, T]> {
    for (let at = 0; at < this.#size; at++) yield [this.#nodes[at] as Node, this.#values[at] as T];
  }

  [Symbol.iterator](): MapIterator<[Node, T]> {
    return this.entries();
  }

  forEach(see: (value: T, node: Node, table: ReadonlyMap<Node, T>) => void): void {
    for (const [node, value] of this) see(value, node, this);
  }
}
