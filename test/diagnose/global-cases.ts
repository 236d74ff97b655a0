import { PyGlobal, PyTuple } from '../../src/pickle/values.ts';
import { call, dict, instance, orderedDict, tensor } from '../support/checkpoint-builder.ts';
import { built, clean, file, network } from './case-builders.ts';
import type { RuleCases } from './cases.ts';

const naming = (...names: string[]) =>
  built(`names ${names.join(' ')}`, () =>
    dict({
      model: orderedDict(network()),
      ...Object.fromEntries(names.map((name) => [name, call(name)])),
    }),
  );
const numpyArray = () =>
  call('numpy.core.multiarray._reconstruct', new PyGlobal('numpy', 'ndarray'), new PyTuple([0]));

export const GLOBAL_CASES: Readonly<Record<string, RuleCases>> = {
  'globals/not-allowlisted': {
    triggers: [
      naming('__builtin__.frozenset'),
      naming('builtins.bytes'),
      naming('datetime.datetime', 'functools.partial'),
      naming('posix.system'),
      naming('torch._C.Generator'),
      naming('torch.nested._internal.nested_tensor._rebuild_njt'),
      built('a class as a value', () => dict({ type: new PyGlobal('torch.optim.adam', 'Adam') })),
      file('broken/frozenset_and_slice.pth'),
      file('torch-1.13/sparse_csr.pth'),
    ],
    quiet: [
      clean,
      naming('collections.Counter', 'torch.Size', '__builtin__.set', '_codecs.encode'),
      naming('argparse.Namespace', 'pathlib.PosixPath', 'models.Net', '__main__.Net', 'numpy.ndarray'),
      built('TorchScript, which Python does not unpickle', () => instance('__torch__.Net', {}), {
        kind: 'torchscript',
      }),
      file('clean/containers.pt'),
    ],
  },
  'globals/project-class': {
    triggers: [
      naming('models.yolo.Model'),
      naming('ultralytics.nn.tasks.X'),
      file('broken/whole_module.pth'),
    ],
    quiet: [
      clean,
      naming('torch.nn.modules.linear.Linear', 'datetime.datetime', 'collections.deque', '__main__.Net'),
      naming('omegaconf.dictconfig.DictConfig'),
      file('broken/namespace.pth'),
    ],
  },
  'globals/main-module': {
    triggers: [naming('__main__.Net'), file('broken/main_module.pth')],
    quiet: [clean, naming('main.Net', 'models.Net'), file('broken/whole_module.pth')],
  },
  'globals/config-object': {
    triggers: [
      naming('argparse.Namespace'),
      naming('omegaconf.dictconfig.DictConfig', 'easydict.EasyDict'),
      naming('transformers.models.bert.configuration_bert.BertConfig'),
      naming('pytorch_lightning.utilities.parsing.AttributeDict'),
      file('broken/namespace.pth'),
    ],
    quiet: [
      clean,
      naming('argparse.ArgumentParser', 'collections.OrderedDict', 'boxes.Box'),
      file('broken/path.pth'),
    ],
  },
  'globals/numpy-value': {
    triggers: [
      naming('numpy.core.multiarray.scalar', 'numpy.dtype'),
      built('an array', () => dict({ mean: numpyArray() })),
      built('a dtype', () => dict({ type: new PyGlobal('numpy', 'float32') })),
    ],
    quiet: [
      clean,
      naming('numpy._core.multiarray.scalar', 'numpy.dtype'),
      naming('numpydoc.Thing'),
      file('broken/numpy_array.pth'),
    ],
  },
  'globals/numpy2': {
    triggers: [
      naming('numpy._core.multiarray.scalar', 'numpy.dtype'),
      file('broken/numpy_scalar.pth'),
      file('broken/numpy_array.pth'),
      file('broken/xla_arrays.pth'),
    ],
    quiet: [clean, naming('numpy.core.multiarray.scalar', 'numpy.dtype'), file('broken/path.pth')],
  },
  'globals/platform-path': {
    triggers: [naming('pathlib.PosixPath'), naming('pathlib._local.WindowsPath'), file('broken/path.pth')],
    quiet: [
      clean,
      built('a path as text', () => dict({ dir: 'runs/1', weight: tensor() })),
      file('broken/namespace.pth'),
    ],
  },
  'globals/dtensor': {
    triggers: [
      naming('torch.distributed.tensor.DTensor', 'torch.distributed.device_mesh.DeviceMesh'),
      naming('torch.distributed._tensor.api.DTensor'),
      file('clean/dtensor.pth'),
    ],
    quiet: [clean, naming('torch.distributed.rpc.RRef'), file('clean/jagged.pth')],
  },
};
