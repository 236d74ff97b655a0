import {
  EMPTY_TUPLE,
  PyDict,
  PyGlobal,
  PyObject,
  PyPersistent,
  PyTuple,
  type Value,
} from '../../src/pickle/values.ts';

export const global = (name: string): PyGlobal => {
  const dot = name.lastIndexOf('.');
  return new PyGlobal(name.slice(0, dot), name.slice(dot + 1));
};
export const tuple = (...items: Value[]): PyTuple => (items.length ? new PyTuple(items) : EMPTY_TUPLE);
export const call = (name: string, ...args: Value[]): PyObject =>
  new PyObject('reduce', global(name), tuple(...args), 77);
export const storage = (
  storageClass = 'torch.FloatStorage',
  key: Value = '0',
  location: Value = 'cpu',
  numel: Value = 100,
) => new PyPersistent(tuple('storage', global(storageClass), key, location, numel));
export const hooks = (): PyObject => call('collections.OrderedDict');
export const dict = (entries: Readonly<Record<string, Value>>): PyDict =>
  new PyDict(Object.keys(entries), Object.values(entries));

/** A contiguous tensor as torch writes it. */
export function plain(shape: readonly number[] = [2, 3], storageClass?: string): PyObject {
  const stride = shape.map((_, dim) => shape.slice(dim + 1).reduce((product, size) => product * size, 1));
  return call(
    'torch._utils._rebuild_tensor_v2',
    storage(storageClass),
    0,
    tuple(...shape),
    tuple(...stride),
    false,
    hooks(),
  );
}
