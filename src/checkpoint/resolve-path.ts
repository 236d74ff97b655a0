import { isNode, type Value } from '../pickle/values.ts';
import { eachChild } from './children.ts';

/** Where the search stands: a value, and where in the words its name ends. */
interface Reached {
  readonly value: Value;
  readonly at: number;
}

/** A made graph may have any number of ways that lead nowhere. */
const MOST_STEPS = 100_000;

/**
 * The value at a dotted name, as `inspect` prints it. Keys may hold dots themselves: longer ones are tried first.
 * Undefined where nothing stands there.
 */
export function valueAt(root: Value, name: string): Value | undefined {
  const open: Reached[] = [{ value: root, at: 0 }];
  for (let step = 0; open.length > 0 && step < MOST_STEPS; step++) {
    const { value, at } = open.pop() as Reached;
    if (at > name.length) return value;
    if (!isNode(value)) continue;
    const next: Reached[] = [];
    eachChild(value, (child, segment) => {
      const end = at + String(segment).length;
      if (!name.startsWith(String(segment), at)) return;
      if (end === name.length || name[end] === '.') next.push({ value: child, at: end + 1 });
    });
    open.push(...next.sort((a, b) => a.at - b.at));
  }
  return undefined;
}

/** The names of what a value holds, for a message. */
export function childNames(value: Value): string[] {
  const names: string[] = [];
  if (isNode(value)) eachChild(value, (_, segment) => names.push(String(segment)));
  return names;
}
