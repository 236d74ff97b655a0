import { EMPTY_TUPLE, PyGlobal, PyObject, type Value } from '../pickle/values.ts';

/** Qualified name of the class that state_dicts are of. */
export const ORDERED_DICT = 'collections.OrderedDict';

/** A `collections.OrderedDict` of these pairs; the arrays become its own. */
export function orderedDict(keys: Value[], values: Value[]): PyObject {
  const dict = new PyObject('reduce', new PyGlobal('collections', 'OrderedDict'), EMPTY_TUPLE);
  if (keys.length > 0) dict.effects = [{ op: 'set', keys, values }];
  return dict;
}
