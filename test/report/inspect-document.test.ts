import { describe, expect, it } from 'vitest';
import { UnreadableError } from '../../src/io/errors.ts';
import { PyDict } from '../../src/pickle/values.ts';
import { inspectDocument, unreadableDocument } from '../../src/report/inspect-document.ts';
import { dtypeByName } from '../../src/torch/dtypes.ts';
import { schemaValidator } from '../support/schema.ts';
import { checkpoint, finding, storage, tensor } from './sample.ts';

const complaints = schemaValidator('inspect');

describe('inspectDocument', () => {
  it('is the document of the contract', () => {
    const conv = storage('0', { numel: 9408, location: 'cuda:0', fileOffset: 1216 });
    const document = inspectDocument(
      checkpoint([tensor(['state_dict', 'module.conv1.weight'], [64, 3, 7, 7], { storage: conv })], {
        root: new PyDict(['epoch', 'state_dict'], [12, new PyDict()]),
        globals: [{ name: 'torch._utils._rebuild_tensor_v2', count: 1, weightsOnly: true, offset: 30 }],
      }),
      [
        finding('device/cuda-tag', {
          subjects: ['state_dict.module.conv1.weight'],
          fix: ['--map-location', 'cpu'],
        }),
      ],
    );
    expect(document).toEqual({
      schema: 'ckpt-doctor/inspect/1',
      file: { path: 'model.pth', bytes: 46827520 },
      container: { kind: 'torch-zip', pickleProtocol: 2, byteOrder: 'little', root: 'model', entries: 5 },
      producer: { torch: '2.1 or newer' },
      roles: [
        { role: 'model', paths: ['state_dict'], tensors: 1, bytes: 37632 },
        { role: 'progress', paths: ['epoch'], tensors: 0, bytes: 0 },
      ],
      totals: {
        tensors: 1,
        parameters: 9408,
        storages: 1,
        tensorBytes: 37632,
        storageBytes: 37632,
        byDtype: { float32: { tensors: 1, bytes: 37632 } },
        byLocation: { 'cuda:0': { storages: 1, bytes: 37632 } },
      },
      tensors: [
        {
          path: ['state_dict', 'module.conv1.weight'],
          name: 'state_dict.module.conv1.weight',
          kind: 'tensor',
          dtype: 'float32',
          shape: [64, 3, 7, 7],
          stride: [147, 49, 7, 1],
          storageOffset: 0,
          elements: 9408,
          bytes: 37632,
          storage: '0',
          location: 'cuda:0',
          requiresGrad: false,
        },
      ],
      storages: [{ key: '0', dtype: 'float32', location: 'cuda:0', bytes: 37632, fileOffset: 1216 }],
      globals: [{ name: 'torch._utils._rebuild_tensor_v2', count: 1, weightsOnly: true }],
      metadata: { epoch: 12 },
      findings: [
        {
          rule: 'device/cuda-tag',
          severity: 'warning',
          message: 'The file has device/cuda-tag.',
          count: 1,
          subjects: ['state_dict.module.conv1.weight'],
          fix: ['--map-location', 'cpu'],
          docs: 'docs/rules/device/cuda-tag.md',
        },
      ],
    });
    expect(complaints(document)).toEqual([]);
  });

  it('gives an untyped storage the dtype on which its tensors agree', () => {
    const untyped = (key: string) => storage(key, { dtype: undefined, numel: 16, bytes: 16 } as never);
    const [one, two, none] = [untyped('0'), untyped('1'), untyped('2')].map((each) => ({
      ...each,
      dtype: undefined,
    }));
    const { storages } = inspectDocument(
      checkpoint([
        tensor('a', [4], { storage: one }),
        tensor('b', [2], { storage: one }),
        tensor('c', [4], { storage: two }),
        tensor('d', [8], { storage: two, dtype: 'float16' }),
        tensor('e', [2], { storage: two }),
        tensor('f', [2], { storage: { ...storage('3', { numel: 2 }), dtype: dtypeByName('int8') } }),
      ]),
      [],
    );
    expect(storages.map(({ dtype }) => dtype)).toEqual(['float32', 'uint8', 'int8']);
    expect(none?.dtype).toBeUndefined();
  });

  it('writes integers past 2^53 as exact decimal strings', () => {
    const size = 2 ** 40;
    const huge = tensor('m', [size, size], { kind: 'meta', storage: undefined });
    const document = inspectDocument(checkpoint([huge]), []);
    expect(document.tensors[0]).toMatchObject({
      elements: '1208925819614629174706176',
      bytes: '4835703278458516698824704',
      location: 'meta',
      storage: null,
    });
    expect(document.totals.parameters).toBe('1208925819614629174706176');
    expect(complaints(document)).toEqual([]);
  });

  it('cuts subjects at 20 unless all are asked for, and keeps the count', () => {
    const subjects = Array.from({ length: 21 }, (_, i) => `t${i}`);
    const findings = [finding('device/cuda-tag', { subjects })];
    expect(inspectDocument(checkpoint([]), findings).findings[0]).toMatchObject({
      count: 21,
      subjects: subjects.slice(0, 20),
    });
    expect(inspectDocument(checkpoint([]), findings, { allSubjects: true }).findings[0]?.subjects).toEqual(
      subjects,
    );
  });

  it('narrows the tensors by a filter, not the totals', () => {
    const document = inspectDocument(checkpoint([tensor('a', [1]), tensor('b', [2])]), [], {
      filter: (name) => name === 'b',
    });
    expect(document.tensors.map(({ name }) => name)).toEqual(['b']);
    expect(document.totals.tensors).toBe(2);
  });

  it('tells the first damage and how much more there is, beside what could be read', () => {
    const damage = [
      new UnreadableError('missing-record', 'record data/0 is missing'),
      new UnreadableError('short-record', 'record data/1 has 2 bytes', 100),
    ];
    const document = inspectDocument(checkpoint([tensor('a', [1])], { damage }), []);
    expect(document.error).toEqual({
      code: 'missing-record',
      message: 'record data/0 is missing (and 1 more like this)',
    });
    expect(complaints(document)).toEqual([]);
  });
});

describe('unreadableDocument', () => {
  it('is the error document of the contract', () => {
    const document = unreadableDocument('x.pth', 7, { code: 'truncated', message: 'cut short', offset: 5 });
    expect(document).toEqual({
      schema: 'ckpt-doctor/inspect/1',
      file: { path: 'x.pth', bytes: 7 },
      error: { code: 'truncated', message: 'cut short', offset: 5 },
      findings: [],
    });
    expect(complaints(document)).toEqual([]);
    expect(complaints([document, unreadableDocument('y', undefined, { code: 'io', message: 'no' })])).toEqual(
      [],
    );
    expect(complaints({ ...document, error: undefined })).not.toEqual([]);
    expect(complaints({ ...document, extra: 1 })).not.toEqual([]);
  });
});
