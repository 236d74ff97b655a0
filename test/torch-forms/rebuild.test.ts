import { describe, expect, it } from 'vitest';
import { listTensors } from '../../src/checkpoint/listing.ts';
import { UnreadableError } from '../../src/io/errors.ts';
import {
  PyDict,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PyTuple,
  type Value,
} from '../../src/pickle/values.ts';
import { tensorForm } from '../../src/torch/rebuild.ts';
import { call, dict, global, hooks, plain, storage, tuple } from './build.ts';

/** What a form says, its dtype by name and its parts counted. */
function said(value: Value) {
  const form = tensorForm(value);
  if (!form) return undefined;
  const { dtype, parts, storage: held, ...rest } = form;
  return { ...rest, dtype: dtype.name, parts: parts.length, held: held instanceof PyPersistent };
}

const PLAIN = {
  kind: 'tensor',
  dtype: 'float32',
  shape: [2, 3],
  stride: [3, 1],
  storageOffset: 0,
  requiresGrad: false,
  conj: false,
  neg: false,
  parts: 0,
  held: true,
};
const UNSTRIDED = { ...PLAIN, stride: [], held: false };
const ARRAY = { ...PLAIN, held: false, array: true };
const SIZE = tuple(2, 3);
const STRIDE = tuple(3, 1);
const FLOAT16 = global('torch.float16');
const v2 = (...args: Value[]) => call('torch._utils._rebuild_tensor_v2', ...args);
const wrapper = (...args: Value[]) =>
  call(
    'torch._tensor._rebuild_from_type_v2',
    global('torch._utils._rebuild_wrapper_subclass'),
    global('torch.distributed.tensor.DTensor'),
    tuple(...args),
    dict({ _local_tensor: plain() }),
  );

const FORMS: readonly (readonly [string, Value, object])[] = [
  [
    '_rebuild_tensor',
    call('torch._utils._rebuild_tensor', storage(), 4, SIZE, STRIDE),
    { ...PLAIN, storageOffset: 4 },
  ],
  [
    '_rebuild_tensor_v2',
    v2(storage(), 4, SIZE, STRIDE, true, hooks()),
    { ...PLAIN, storageOffset: 4, requiresGrad: true },
  ],
  [
    '_rebuild_tensor_v2 with metadata',
    v2(
      storage('torch.ComplexFloatStorage'),
      0,
      SIZE,
      STRIDE,
      false,
      hooks(),
      dict({ conj: true, neg: true }),
    ),
    { ...PLAIN, dtype: 'complex64', conj: true, neg: true },
  ],
  [
    '_rebuild_tensor_v2 of no dimension',
    v2(storage(), 7, tuple(), tuple(), false, hooks()),
    { ...PLAIN, shape: [], stride: [], storageOffset: 7 },
  ],
  [
    '_rebuild_tensor_v2 with a torch.Size',
    v2(storage(), 0, call('torch.Size', SIZE), STRIDE, false, hooks()),
    PLAIN,
  ],
  [
    '_rebuild_tensor_v2 with lists',
    v2(storage(), 0, new PyList([2, 3]), new PyList([3, 1]), false, hooks()),
    PLAIN,
  ],
  [
    '_rebuild_tensor_v3',
    call(
      'torch._utils._rebuild_tensor_v3',
      storage('torch.storage.UntypedStorage'),
      0,
      SIZE,
      STRIDE,
      true,
      hooks(),
      global('torch.float8_e5m2'),
    ),
    { ...PLAIN, dtype: 'float8_e5m2', requiresGrad: true },
  ],
  [
    '_rebuild_parameter',
    call('torch._utils._rebuild_parameter', plain(), true, hooks()),
    { ...PLAIN, kind: 'parameter', requiresGrad: true },
  ],
  [
    '_rebuild_parameter_with_state',
    call('torch._utils._rebuild_parameter_with_state', plain(), false, hooks(), dict({})),
    { ...PLAIN, kind: 'parameter' },
  ],
  [
    'a call of Parameter',
    call('torch.nn.parameter.Parameter', plain(), true),
    { ...PLAIN, kind: 'parameter', requiresGrad: true },
  ],
  [
    '_rebuild_qtensor',
    call(
      'torch._utils._rebuild_qtensor',
      storage('torch.QInt8Storage'),
      0,
      SIZE,
      STRIDE,
      tuple(global('torch.per_channel_affine'), plain([2]), plain([2]), 0),
      false,
      hooks(),
    ),
    { ...PLAIN, kind: 'quantized', dtype: 'qint8', parts: 2 },
  ],
  [
    '_rebuild_sparse_tensor of COO',
    call(
      'torch._utils._rebuild_sparse_tensor',
      global('torch.sparse_coo'),
      tuple(plain([2, 4], 'torch.LongStorage'), plain([4]), tuple(9, 9), true),
    ),
    { ...UNSTRIDED, kind: 'sparse', shape: [9, 9], parts: 2 },
  ],
  [
    '_rebuild_sparse_tensor of CSR',
    call(
      'torch._utils._rebuild_sparse_tensor',
      global('torch.sparse_csr'),
      tuple(plain([3]), plain([4]), plain([4]), tuple(2, 9)),
    ),
    { ...UNSTRIDED, kind: 'sparse', shape: [2, 9], parts: 3 },
  ],
  [
    '_rebuild_sparse_csr_tensor',
    call(
      'torch._utils._rebuild_sparse_csr_tensor',
      global('torch.sparse_csr'),
      tuple(plain([3]), plain([4]), plain([4]), tuple(2, 9)),
    ),
    { ...UNSTRIDED, kind: 'sparse', shape: [2, 9], parts: 3 },
  ],
  [
    '_rebuild_nested_tensor',
    call(
      'torch._utils._rebuild_nested_tensor',
      plain([10]),
      plain([4, 2], 'torch.LongStorage'),
      plain([4, 2]),
      plain([4]),
    ),
    { ...UNSTRIDED, kind: 'nested', shape: [4], parts: 4 },
  ],
  [
    '_rebuild_njt',
    call(
      'torch.nested._internal.nested_tensor._rebuild_njt',
      dict({ values: plain([10, 2]), offsets: plain([4], 'torch.LongStorage') }),
    ),
    { ...UNSTRIDED, kind: 'nested', shape: [3], parts: 2 },
  ],
  [
    '_rebuild_meta_tensor_no_storage',
    call('torch._utils._rebuild_meta_tensor_no_storage', FLOAT16, SIZE, STRIDE, true),
    { ...UNSTRIDED, kind: 'meta', dtype: 'float16', stride: [3, 1], requiresGrad: true },
  ],
  [
    '_rebuild_device_tensor_from_cpu_tensor',
    call(
      'torch._utils._rebuild_device_tensor_from_cpu_tensor',
      plain(),
      global('torch.float32'),
      'xla:0',
      true,
    ),
    { ...PLAIN, requiresGrad: true, device: 'xla:0' },
  ],
  [
    '_rebuild_device_tensor_from_numpy',
    call(
      'torch._utils._rebuild_device_tensor_from_numpy',
      numpyArray(),
      global('torch.bfloat16'),
      'xla:1',
      true,
    ),
    { ...ARRAY, dtype: 'bfloat16', requiresGrad: true, device: 'xla:1' },
  ],
  [
    '_rebuild_xla_tensor of an array in Fortran order',
    call('torch._utils._rebuild_xla_tensor', numpyArray(true), FLOAT16, 'xla:0', false),
    { ...ARRAY, dtype: 'float16', stride: [1, 2], device: 'xla:0' },
  ],
  [
    '_rebuild_wrapper_subclass',
    wrapper(null, FLOAT16, SIZE, STRIDE, 0, null, null, true),
    { ...UNSTRIDED, kind: 'subclass', dtype: 'float16', stride: [3, 1], requiresGrad: true, parts: 1 },
  ],
  [
    '_rebuild_from_type_v2 of a subclass',
    call(
      'torch._tensor._rebuild_from_type_v2',
      global('torch._utils._rebuild_tensor_v2'),
      global('my.Tensor'),
      tuple(storage(), 0, SIZE, STRIDE, false, hooks()),
      dict({}),
    ),
    { ...PLAIN, kind: 'subclass' },
  ],
  [
    '_rebuild_from_type_v2 of a tensor with attributes',
    call(
      'torch._tensor._rebuild_from_type_v2',
      global('torch._utils._rebuild_tensor_v2'),
      global('torch.Tensor'),
      tuple(storage(), 0, SIZE, STRIDE, false, hooks()),
      dict({ note: 1 }),
    ),
    PLAIN,
  ],
  [
    '_rebuild_from_type of a Parameter',
    call(
      'torch._tensor._rebuild_from_type',
      global('torch._utils._rebuild_tensor_v2'),
      global('torch.nn.parameter.Parameter'),
      tuple(storage(), 0, SIZE, STRIDE, false, hooks()),
      dict({}),
    ),
    { ...PLAIN, kind: 'parameter' },
  ],
  [
    '_rebuild_from_type of old',
    call(
      'torch.tensor._rebuild_from_type',
      global('torch._utils._rebuild_tensor_v2'),
      global('torch.nn.parameter.Buffer'),
      tuple(storage(), 0, SIZE, STRIDE, false, hooks()),
      dict({}),
    ),
    PLAIN,
  ],
  [
    'a call of a tensor class with BUILD',
    built('torch.FloatTensor', tuple(storage(), 0, SIZE, STRIDE)),
    PLAIN,
  ],
  [
    'a call of a CUDA tensor class with BUILD',
    built('torch.cuda.HalfTensor', tuple(storage('torch.cuda.HalfStorage'), 1, SIZE, STRIDE)),
    { ...PLAIN, dtype: 'float16', storageOffset: 1 },
  ],
];

/** As numpy 2 pickles one; of another byte order `torch.from_numpy` takes none. */
function numpyArray(fortran = false, order = '<'): PyObject {
  const dtype = built('numpy.dtype', tuple(3, order, null, null, null, -1, -1, 0), 'f4', false, true);
  const bytes = call('_codecs.encode', '\0'.repeat(24), 'latin1');
  const start = [global('numpy.ndarray'), tuple(0), call('_codecs.encode', 'b', 'latin1')];
  return built('numpy._core.multiarray._reconstruct', tuple(1, SIZE, dtype, fortran, bytes), ...start);
}

function built(name: string, state: Value, ...args: Value[]): PyObject {
  const object = call(name, ...args);
  object.effects = [{ op: 'build', state }];
  return object;
}

describe('tensorForm', () => {
  it('passes over a tensor of an array that torch could not take', () => {
    const of = (data: Value, dtype: Value) =>
      tensorForm(call('torch._utils._rebuild_device_tensor_from_numpy', data, dtype, 'xla:0', false));
    expect(of(numpyArray(), FLOAT16)).toBeDefined();
    expect(of(numpyArray(false, '>'), FLOAT16)).toBeUndefined();
    expect(of(null, FLOAT16)).toBeUndefined();
    expect(of(numpyArray(), 'float16')).toBeUndefined();
  });

  it.each(FORMS)('reads %s', (_what, value, expected) => {
    expect(said(value)).toEqual(expected);
  });

  it.each([
    ['a number', 1],
    ['a dict', new PyDict()],
    ['a call of something else', call('torch.Size', SIZE)],
    ['a call of a call', new PyObject('reduce', call('a.b'), tuple())],
    ['a tensor class without state', call('torch.FloatTensor')],
    ['a tensor class with another state', built('torch.FloatTensor', tuple(1, 2, 3, 4))],
    ['a tensor class with a short state', built('torch.FloatTensor', tuple(storage(), 0))],
    ['a parameter of nothing', call('torch._utils._rebuild_parameter')],
    ['a parameter of no tensor', call('torch._utils._rebuild_parameter', dict({}), true)],
    [
      'a device tensor of an array',
      call('torch._utils._rebuild_device_tensor_from_cpu_tensor', null, null, 'xla:0', false),
    ],
    [
      'a subclass by an unknown function',
      call(
        'torch._tensor._rebuild_from_type_v2',
        global('my.rebuild'),
        global('my.Tensor'),
        tuple(),
        dict({}),
      ),
    ],
    [
      'a subclass by no function',
      call('torch._tensor._rebuild_from_type_v2', 'rebuild', global('my.Tensor'), tuple(), dict({})),
    ],
  ])('takes no tensor from %s', (_what, value) => {
    expect(tensorForm(value)).toBeUndefined();
  });
});

const FAULTS: readonly (readonly [string, Value, string])[] = [
  ['no arguments', v2(), 'no storage, but nothing'],
  ['a storage that is none', v2('0', 0, SIZE, STRIDE, false, hooks()), 'no storage, but 0'],
  [
    'an id that describes no storage',
    v2(new PyPersistent(tuple('module', 1)), 0, SIZE, STRIDE),
    'no storage, but persistent',
  ],
  [
    'an untyped storage without dtype',
    v2(storage('torch.storage.UntypedStorage'), 0, SIZE, STRIDE, false, hooks()),
    'an untyped storage without a dtype',
  ],
  ['no size', v2(storage(), 0), 'size must be a tuple of whole numbers, found nothing'],
  ['a size that is no tuple', v2(storage(), 0, 6, STRIDE), 'size must be a tuple of whole numbers, found 6'],
  ['a size with a word', v2(storage(), 0, tuple(2, 'x'), STRIDE), 'size must be a whole number, found x'],
  ['a negative size', v2(storage(), 0, tuple(2, -3), STRIDE), 'size must be a whole number, found -3'],
  [
    'a size beyond all numbers',
    v2(storage(), 0, tuple(2n ** 80n), tuple(1)),
    'size must be a whole number, found 1208925819614629174706176',
  ],
  [
    'a size of sizes of sizes',
    v2(storage(), 0, call('torch.Size', call('torch.Size', SIZE)), STRIDE),
    'size must be a tuple of whole numbers, found object',
  ],
  ['no stride', v2(storage(), 0, SIZE), 'stride must be a tuple of whole numbers, found nothing'],
  ['a negative stride', v2(storage(), 0, SIZE, tuple(-3, 1)), 'stride must be a whole number, found -3'],
  ['fewer strides than sizes', v2(storage(), 0, SIZE, tuple(1)), '2 sizes, but 1 strides'],
  ['a negative offset', v2(storage(), -1, SIZE, STRIDE), 'storage offset must be a whole number, found -1'],
  ['no offset', v2(storage(), null, SIZE, STRIDE), 'storage offset must be a whole number, found null'],
  [
    'v3 without dtype',
    call('torch._utils._rebuild_tensor_v3', storage(), 0, SIZE, STRIDE, false, hooks()),
    'dtype must be a torch dtype, found nothing',
  ],
  [
    'v3 with an unknown dtype',
    call(
      'torch._utils._rebuild_tensor_v3',
      storage(),
      0,
      SIZE,
      STRIDE,
      false,
      hooks(),
      global('torch.float7'),
    ),
    'dtype must be a torch dtype, found global',
  ],
  [
    'v3 with a dtype of another module',
    call(
      'torch._utils._rebuild_tensor_v3',
      storage(),
      0,
      SIZE,
      STRIDE,
      false,
      hooks(),
      global('numpy.float16'),
    ),
    'dtype must be a torch dtype, found global',
  ],
  [
    'a meta tensor without dtype',
    call('torch._utils._rebuild_meta_tensor_no_storage', 'float16', SIZE, STRIDE, false),
    'dtype must be a torch dtype, found float16',
  ],
  [
    'a wrapper without dtype',
    wrapper(null, null, SIZE, STRIDE, 0),
    'dtype must be a torch dtype, found null',
  ],
  [
    'a sparse tensor of nothing',
    call('torch._utils._rebuild_sparse_tensor', global('torch.sparse_coo'), tuple()),
    'a sparse tensor without values or size',
  ],
  [
    'a sparse tensor without size',
    call('torch._utils._rebuild_sparse_tensor', global('torch.sparse_coo'), tuple(plain(), plain())),
    'a sparse tensor without values or size',
  ],
  [
    'a nested tensor without sizes',
    call('torch._utils._rebuild_nested_tensor', plain()),
    'a nested tensor without buffer or sizes',
  ],
  [
    'a nested tensor without buffer',
    call('torch._utils._rebuild_nested_tensor', null, plain()),
    'a nested tensor without buffer or sizes',
  ],
  [
    'a jagged tensor of nothing',
    call('torch.nested._internal.nested_tensor._rebuild_njt', dict({})),
    'a jagged tensor without values',
  ],
  [
    'a jagged tensor of no dict',
    call('torch.nested._internal.nested_tensor._rebuild_njt', 1),
    'a jagged tensor without values',
  ],
];

describe('arguments that torch would refuse', () => {
  it.each(FAULTS)('%s', (_what, value, words) => {
    let error: unknown;
    try {
      tensorForm(value);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UnreadableError);
    expect(error).toMatchObject({
      code: 'bad-pickle',
      offset: 77,
      message: `bad pickle: tensor built at offset 77: ${words}`,
    });
  });

  it('are told with the path at which they stand', () => {
    const root = dict({ model: dict({ weight: v2() }) });
    expect(() => listTensors(root, new Map())).toThrow(
      'bad pickle: tensor built at offset 77: no storage, but nothing (at model.weight)',
    );
  });
});

describe('tensors made of tensors without end', () => {
  const sparse = (inner: Value, times: number) =>
    call(
      'torch._utils._rebuild_sparse_tensor',
      global('torch.sparse_coo'),
      tuple(...Array.from({ length: times }, () => inner), SIZE),
    );

  it('are refused where they nest too deep', () => {
    let value = plain();
    for (let i = 0; i < 50_000; i++) value = call('torch._utils._rebuild_parameter', value, true, hooks());
    expect(() => tensorForm(value)).toThrow('tensors nested more than 16 deep');
  });

  it('are refused where sizes nest', () => {
    let size: Value = SIZE;
    for (let i = 0; i < 50_000; i++) size = call('torch.Size', size);
    expect(() => tensorForm(v2(storage(), 0, size, STRIDE))).toThrow(
      'size must be a tuple of whole numbers, found object',
    );
  });

  it('are refused where a few of them unfold into many', () => {
    let value = plain();
    for (let level = 0; level < 12; level++) value = sparse(value, 10);
    expect(() => tensorForm(value)).toThrow(
      /bad pickle: tensor built at offset 77: made of more than \d+ tensors/,
    );
    expect(() => listTensors(dict({ value }), new Map())).toThrow(/made of more than \d+ tensors/);
  });

  it('that hold themselves are refused', () => {
    const data = new PyList([SIZE]);
    const value = new PyObject(
      'reduce',
      new PyGlobal('torch._utils', '_rebuild_sparse_tensor'),
      new PyTuple([null, data]),
      77,
    );
    data.items.push(value);
    expect(() => tensorForm(value)).toThrow(/nested more than 16 deep|made of more than/);
  });

  it('are read where they are as wide as honest ones', () => {
    const quantizer = tuple(
      global('torch.per_channel_affine'),
      ...Array.from({ length: 500 }, () => plain([2])),
    );
    const value = call(
      'torch._utils._rebuild_qtensor',
      storage('torch.QInt8Storage'),
      0,
      SIZE,
      STRIDE,
      quantizer,
      false,
      hooks(),
    );
    expect(said(value)).toMatchObject({ kind: 'quantized', parts: 500 });
  });
});
