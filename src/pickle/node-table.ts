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
  /** In the order in which they were set. */
  readonly #nodes: Node[] = [];
  readonly #values: T[] = [];
  /** Where the node of a number stands in the lists. Another stream has the same numbers: the first node that comes takes the place. */
  readonly #numbered: number[] = [];
  readonly #others = new Map<Node, number>();

  constructor(entries: Iterable<readonly [Node, T]> = []) {
    for (const [node, value] of entries) this.set(node, value);
  }

  get size(): number {
    return this.#nodes.length;
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
    const at = this.#nodes.push(node) - 1;
    this.#values.push(value);
    const ordinal = ordinalOf(node);
    const numbered = this.#numbered;
    if (ordinal < 0 || (numbered[ordinal] ?? NOWHERE) !== NOWHERE) this.#others.set(node, at);
    else if (ordinal < numbered.length) numbered[ordinal] = at;
    else {
      while (numbered.length < ordinal) numbered.push(NOWHERE);
      numbered.push(at);
    }
    return this;
  }

  #find(node: Node): number | undefined {
    const ordinal = ordinalOf(node);
    const at = ordinal < 0 ? undefined : this.#numbered[ordinal];
    return at !== undefined && this.#nodes[at] === node ? at : this.#others.get(node);
  }

  keys(): MapIterator<Node> {
    return this.#nodes.values();
  }

  values(): MapIterator<T> {
    return this.#values.values();
  }

  *entries(): MapIterator<[Node, T]> {
    for (let at = 0; at < this.#nodes.length; at++) yield [this.#nodes[at] as Node, this.#values[at] as T];
  }

  [Symbol.iterator](): MapIterator<[Node, T]> {
    return this.entries();
  }

  forEach(see: (value: T, node: Node, table: ReadonlyMap<Node, T>) => void): void {
    for (const [node, value] of this) see(value, node, this);
  }
}
