import { PyDict, PyList, type Value } from '../pickle/values.ts';

/**
 * Builds nested dicts and lists from values at paths, as `set_element` of torch.distributed.checkpoint does: a string is a key of a
 * dict, a number an index of a list.
 */
export class Unflattened {
  readonly root = new PyDict();
  /** Where each key of a dict stands, so that a thousand keys are not looked for one by one. */
  readonly #places = new Map<PyDict, Map<string, number>>();
  #longest: number;

  /** @param values How many values come at most: no honest list is longer. */
  constructor(values: number) {
    this.#longest = values;
  }

  /** @returns false where something else stands at the path already, or the path makes no sense; nothing is set then. */
  set(path: readonly (string | number)[], value: Value): boolean {
    let node: Value = this.root;
    for (let depth = 0; depth < path.length; depth++) {
      const segment = path[depth] as string | number;
      const last = depth === path.length - 1;
      const held = this.#get(node, segment);
      if (last) {
        if (held !== undefined && held !== null) return false;
        return this.#put(node, segment, value);
      }
      if (held === undefined || held === null) {
        const next: Value = typeof path[depth + 1] === 'number' ? new PyList() : new PyDict();
        if (!this.#put(node, segment, next)) return false;
        node = next;
      } else node = held;
    }
    return false;
  }

  #get(node: Value, segment: string | number): Value | undefined {
    if (node instanceof PyDict && typeof segment === 'string') {
      const at = this.#places.get(node)?.get(segment);
      return at === undefined ? undefined : node.values[at];
    }
    if (node instanceof PyList && typeof segment === 'number') return node.items[segment];
    return undefined;
  }

  #put(node: Value, segment: string | number, value: Value): boolean {
    if (node instanceof PyDict && typeof segment === 'string') {
      let places = this.#places.get(node);
      if (!places) {
        places = new Map();
        this.#places.set(node, places);
      }
      places.set(segment, node.keys.length);
      node.keys.push(segment);
      node.values.push(value);
      return true;
    }
    if (!(node instanceof PyList) || typeof segment !== 'number') return false;
    if (!(Number.isInteger(segment) && segment >= 0 && segment < this.#longest)) return false;
    while (node.items.length <= segment) node.items.push(null);
    node.items[segment] = value;
    return true;
  }
}
