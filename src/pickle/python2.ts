import { EMPTY_TUPLE, PyGlobal, PyList, PyObject, PyTuple, type Value } from './values.ts';

/**
 * The object that REDUCE builds. Python 2 pickled an OrderedDict as a call with a list of pairs; Python 3 calls it without arguments
 * and sets the items. Both build the same, so the first is read as the second: the keys of a mapping are found in one place.
 */
export function reduced(callable: Value, args: Value, offset: number): PyObject {
  const object = new PyObject('reduce', callable, args, offset);
  const pairs = args instanceof PyTuple && args.items.length === 1 ? args.items[0] : undefined;
  if (!(pairs instanceof PyList) || !(callable instanceof PyGlobal)) return object;
  if (callable.qualifiedName !== 'collections.OrderedDict') return object;
  const keys: Value[] = [];
  const values: Value[] = [];
  for (const pair of pairs.items) {
    if (!(pair instanceof PyTuple || pair instanceof PyList) || pair.items.length !== 2) return object;
    keys.push(pair.items[0] as Value);
    values.push(pair.items[1] as Value);
  }
  object.args = EMPTY_TUPLE;
  if (keys.length > 0) object.effects = [{ op: 'set', keys, values }];
  return object;
}
