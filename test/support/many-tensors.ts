import { encodePickle } from '../../src/pickle/encoder.ts';
import { PyDict, PyGlobal, PyObject, PyPersistent, PyTuple, type Value } from '../../src/pickle/values.ts';
import { archiveOf, record } from '../zip/archives.ts';

/** An archive of tensors of float32 on a GPU, whose names a wrapper prefixed; the storages, of `elements` each, hold them in turn. */
export async function manyTensors(count: number, storages: number, elements = 2048): Promise<Buffer> {
  const rebuild = new PyGlobal('torch._utils', '_rebuild_tensor_v2');
  const floats = new PyGlobal('torch', 'FloatStorage');
  const keys: Value[] = [];
  const values: Value[] = [];
  for (let i = 0; i < count; i++) {
    const id = new PyPersistent(new PyTuple(['storage', floats, `${i % storages}`, 'cuda:0', elements]));
    const [size, stride] = [new PyTuple([elements]), new PyTuple([1])];
    keys.push(`module.layers.${i}.weight`);
    values.push(new PyObject('reduce', rebuild, new PyTuple([id, 0, size, stride, false, null])));
  }
  const pickle = encodePickle(new PyDict(keys, values));
  const storage = Buffer.alloc(4 * elements, 7);
  return archiveOf('model', [
    { name: 'data.pkl', content: pickle.content, size: pickle.length },
    ...Array.from({ length: storages }, (_, i) => record(`data/${i}`, storage)),
    record('version', Buffer.from('3\n')),
  ]);
}
