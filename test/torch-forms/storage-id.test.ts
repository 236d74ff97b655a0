import { describe, expect, it } from 'vitest';
import { PyList, type Value } from '../../src/pickle/values.ts';
import { bytesOfElements, DTYPES, dtypeByName } from '../../src/torch/dtypes.ts';
import { parseStorageId, storageClassDtype } from '../../src/torch/storage-id.ts';
import { global, storage, tuple } from './build.ts';

const CLASSES: readonly (readonly [string, string, number])[] = [
  ['DoubleStorage', 'float64', 8],
  ['FloatStorage', 'float32', 4],
  ['HalfStorage', 'float16', 2],
  ['BFloat16Storage', 'bfloat16', 2],
  ['LongStorage', 'int64', 8],
  ['IntStorage', 'int32', 4],
  ['ShortStorage', 'int16', 2],
  ['CharStorage', 'int8', 1],
  ['ByteStorage', 'uint8', 1],
  ['BoolStorage', 'bool', 1],
  ['ComplexDoubleStorage', 'complex128', 16],
  ['ComplexFloatStorage', 'complex64', 8],
  ['QInt8Storage', 'qint8', 1],
  ['QUInt8Storage', 'quint8', 1],
  ['QInt32Storage', 'qint32', 4],
  ['QUInt4x2Storage', 'quint4x2', 1],
  ['QUInt2x4Storage', 'quint2x4', 1],
];

describe('storageClassDtype', () => {
  it.each(CLASSES)('%s holds %s', (name, dtype, size) => {
    for (const module of ['torch', 'torch.cuda', 'torch.storage']) {
      expect(storageClassDtype(global(`${module}.${name}`))).toMatchObject({ name: dtype, itemSize: size });
    }
  });

  it('knows the untyped storage, and no class of elsewhere', () => {
    expect(storageClassDtype(global('torch.storage.UntypedStorage'))).toBeNull();
    expect(storageClassDtype(global('torch.storage._UntypedStorage'))).toBeNull();
    expect(storageClassDtype(global('numpy.FloatStorage'))).toBeUndefined();
    expect(storageClassDtype(global('torch.FloatTensor'))).toBeUndefined();
    expect(storageClassDtype(global('torch.constructor'))).toBeUndefined();
  });

  it('says the same of a class when it is asked again', () => {
    const named = global('torch.HalfStorage');
    expect(storageClassDtype(named)).toBe(storageClassDtype(named));
    const untyped = global('torch.storage.UntypedStorage');
    expect([storageClassDtype(untyped), storageClassDtype(untyped)]).toEqual([null, null]);
  });
});

describe('parseStorageId', () => {
  it('reads what torch writes', () => {
    expect(parseStorageId(storage('torch.HalfStorage', '7', 'cuda:1', 12).id)).toMatchObject({
      key: '7',
      location: 'cuda:1',
      numel: 12,
      dtype: { name: 'float16' },
    });
    expect(parseStorageId(storage('torch.storage.UntypedStorage').id)?.dtype).toBeUndefined();
  });

  it('reads the numbers of torch.package, and more than five fields', () => {
    expect(parseStorageId(storage('torch.FloatStorage', 3).id)?.key).toBe('3');
    expect(parseStorageId(tuple('storage', global('torch.FloatStorage'), '0', 'cpu', 4, null))?.numel).toBe(
      4,
    );
  });

  it('reads the text that protocol 0 makes of it', () => {
    const text = "('storage', <class 'torch.FloatStorage'>, '0', 'cuda:0', 12)";
    expect(parseStorageId(text)).toMatchObject({
      key: '0',
      location: 'cuda:0',
      numel: 12,
      dtype: { name: 'float32' },
    });
    expect(parseStorageId(text.replace('storage', 'module'))).toBeUndefined();
    expect(parseStorageId(text.replace('12', '-1'))).toBeUndefined();
    expect(parseStorageId(text.replace('FloatStorage', 'Other'))).toBeUndefined();
  });

  const FLOAT = global('torch.FloatStorage');
  it.each<[string, Value]>([
    ['a number', 1],
    ['a list', new PyList(['storage', FLOAT, '0', 'cpu', 1])],
    ['another tag', tuple('module', FLOAT, '0', 'cpu', 1)],
    ['no class', tuple('storage', 'torch.FloatStorage', '0', 'cpu', 1)],
    ['an unknown class', tuple('storage', global('torch.OtherStorage'), '0', 'cpu', 1)],
    ['no key', tuple('storage', FLOAT, null, 'cpu', 1)],
    ['no location', tuple('storage', FLOAT, '0', null, 1)],
    ['no count', tuple('storage', FLOAT, '0', 'cpu')],
    ['a negative count', tuple('storage', FLOAT, '0', 'cpu', -1)],
    ['a count beyond all numbers', tuple('storage', FLOAT, '0', 'cpu', 2n ** 70n)],
  ])('reads nothing from %s', (_what, id) => {
    expect(parseStorageId(id)).toBeUndefined();
  });
});

describe('dtypes', () => {
  it('have sizes that are made of whole words', () => {
    expect(DTYPES.size).toBe(33);
    for (const { itemSize, swapSize, family } of DTYPES.values()) {
      expect(itemSize % swapSize).toBe(0);
      expect(itemSize / swapSize).toBe(family === 'complex' ? 2 : 1);
    }
  });

  it('go by other names too', () => {
    expect(dtypeByName('half')?.name).toBe('float16');
    expect(dtypeByName('cdouble')?.name).toBe('complex128');
    expect(dtypeByName('float7')).toBeUndefined();
    expect(dtypeByName('constructor')).toBeUndefined();
  });

  it('pack several values into a byte', () => {
    const bytes = (name: string, elements: number) => bytesOfElements(DTYPES.get(name) as never, elements);
    expect([
      bytes('quint4x2', 3),
      bytes('quint2x4', 5),
      bytes('float32', 3),
      bytes('float4_e2m1fn_x2', 3),
    ]).toEqual([2, 2, 12, 3]);
  });
});
