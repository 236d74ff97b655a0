import { type Effect, PyBytes, PyDict, PyGlobal, PyList, PyObject, PySet, type Value } from './values.ts';

/**
 * What opcodes do to a value that stands on the stack already. On an object that Python would build the effect is noted, in its
 * order; containers take it at once. Each gives false where the value can't take it.
 */
export function setItem(target: Value, key: Value, value: Value): boolean {
  if (!isHashable(key)) return false;
  const run = itemsOf(target);
  if (!run) return false;
  run.keys.push(key);
  run.values.push(value);
  return true;
}

/** Sets the pairs that stand in `items` from `start` on, keys and values by turns. */
export function setItems(target: Value, items: readonly Value[], start: number): boolean {
  const run = itemsOf(target);
  if (!run) return false;
  const { keys, values } = run;
  for (let i = start; i < items.length; i += 2) {
    if (!isHashable(items[i] as Value)) return false;
    keys.push(items[i] as Value);
    values.push(items[i + 1] as Value);
  }
  return true;
}

export function append(target: Value, items: Value[]): boolean {
  if (target instanceof PyList) pushAll(target.items, items);
  else if (target instanceof PyObject) {
    const last = target.effects?.at(-1);
    if (last?.op === 'append') pushAll(last.items, items);
    else addEffect(target, { op: 'append', items });
  } else return false;
  return true;
}

export function addItems(target: Value, items: Value[]): boolean {
  if (target instanceof PySet && !target.frozen) pushAll(target.items, items);
  else if (target instanceof PyObject) addEffect(target, { op: 'add', items });
  else return false;
  return true;
}

export function build(target: Value, state: Value): boolean {
  if (!(target instanceof PyObject)) return false;
  addEffect(target, { op: 'build', state });
  return true;
}

/** Python's lists, dicts, sets and bytearrays can't be keys. */
function isHashable(key: Value): boolean {
  if (typeof key !== 'object' || key === null) return true;
  if (key instanceof PyList || key instanceof PyDict) return false;
  if (key instanceof PySet) return key.frozen;
  return !(key instanceof PyBytes) || key.type !== 'bytearray';
}

/** Where a mapping takes pairs: its own arrays, or the run of SETITEMS that is the object's last effect. */
function itemsOf(target: Value): { keys: Value[]; values: Value[] } | undefined {
  if (target instanceof PyDict) return target;
  if (!(target instanceof PyObject)) return undefined;
  const last = target.effects?.at(-1);
  if (last?.op === 'set') return last;
  const run: Effect = { op: 'set', keys: [], values: [] };
  addEffect(target, run);
  return run;
}

function pushAll(list: Value[], items: readonly Value[]): void {
  for (const item of items) list.push(item);
}

function addEffect(object: PyObject, effect: Effect): void {
  if (object.effects) object.effects.push(effect);
  else object.effects = [effect];
}

/** A value in words, for messages. */
export function describe(value: Value): string {
  if (value === null) return 'None';
  if (typeof value !== 'object') return `a ${typeof value}`;
  return value instanceof PyGlobal ? `the global ${value.qualifiedName}` : `a ${value.kind}`;
}
