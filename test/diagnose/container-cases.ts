import type {
  ArchiveFacts,
  ArchiveRecord,
  Checkpoint,
  PickleFacts,
} from '../../src/checkpoint/checkpoint.ts';
import type { Storage } from '../../src/checkpoint/storage.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import type { Value } from '../../src/pickle/values.ts';
import { PyBytes } from '../../src/pickle/values.ts';
import {
  checkpointOf,
  dict,
  orderedDict,
  type TensorOptions,
  tensor,
} from '../support/checkpoint-builder.ts';
import type { Fixture, RuleCases } from './cases.ts';

const file = (path: string): Fixture => ({ file: path });
const files = (...paths: string[]): Fixture[] => paths.map(file);
const HEALTHY = files('clean/state_dict.pth', 'torch-1.13/state_dict.pth', 'legacy/state_dict.pth');
const FOREIGN = ['empty', 'zeros', 'html_page', 'json_error', 'plain_text', 'git_lfs_pointer', 'hdf5'];
const strangers = (...but: string[]): Fixture[] =>
  files(...FOREIGN.filter((name) => !but.includes(name)).map((name) => `foreign/${name}.pth`));

const GOOD_ARCHIVE = { version: '3\n', byteOrder: 'little', alignment: 64, headerFaults: [] };

/** A record with a checksum, stored as it is. */
function record(name: string, changes: Partial<ArchiveRecord> = {}): ArchiveRecord {
  const size = changes.size ?? 24;
  return {
    name,
    outsideRoot: false,
    size,
    storedSize: size,
    method: 0,
    crc32: 0x1234,
    dataOffset: 64,
    ...changes,
  };
}

interface Built {
  readonly root?: Value;
  readonly records?: readonly ArchiveRecord[];
  readonly archive?: Partial<ArchiveFacts>;
  readonly folder?: string;
  readonly kind?: Checkpoint['container']['kind'];
  /** Changes all storages, and the tensors on them. */
  readonly storages?: Partial<Storage>;
  readonly options?: TensorOptions;
}

/** An archive in memory: the directory is what is said here, and no bytes stand behind it. */
function archive(name: string, built: Built = {}): Fixture {
  return {
    name,
    build() {
      const records = built.records ?? [record('data.pkl'), record('data/0'), record('version', { size: 2 })];
      const distinctNames = new Set(records.map(({ name }) => name.toLowerCase())).size;
      const root = built.root ?? orderedDict({ weight: tensor(built.options) });
      const made = checkpointOf(root);
      const storages = made.storages.map((storage) => ({ ...storage, ...built.storages }));
      const moved = new Map(made.storages.map((storage, index) => [storage, storages[index] as Storage]));
      return {
        ...made,
        container: {
          kind: built.kind ?? 'torch-zip',
          byteOrder: 'little',
          root: built.folder ?? 'model',
          pickleProtocol: 2,
        },
        storages,
        tensors: made.tensors.map(
          (each): Tensor => ({ ...each, storage: each.storage && moved.get(each.storage) }),
        ),
        records,
        archive: { ...GOOD_ARCHIVE, distinctNames, ...built.archive },
      };
    },
  };
}

const SOURCE = new MemorySource(new Uint8Array());
const bytesOf = (length: number) => ({ source: SOURCE, offset: 64, length });

/** Tensors that view a storage of `elements` float32 numbers, each from and to an element. */
function viewing(
  name: string,
  elements: number,
  views: readonly (readonly [from: number, to: number])[],
): Fixture {
  return {
    name,
    build() {
      const made = checkpointOf(
        dict(
          Object.fromEntries(
            views.map(([from, to], index) => [`view${index}`, tensor({ shape: [to - from] })]),
          ),
        ),
      );
      const storage = { ...(made.storages[0] as Storage), numel: elements, bytes: 4 * elements };
      return {
        ...made,
        storages: [storage],
        tensors: made.tensors.map((each, index) => ({
          ...each,
          storage,
          storageOffset: views[index]?.[0] as number,
        })),
      };
    },
  };
}

const GIB = 2 ** 30;

/** The rules about what holds a checkpoint. Most of what they speak of is no checkpoint at all, or was made with a real torch. */
export const CONTAINER_CASES: Readonly<Record<string, RuleCases>> = {
  'content/empty': { triggers: [file('foreign/empty.pth')], quiet: [...HEALTHY, ...strangers('empty')] },
  'content/zero-filled': {
    triggers: [file('foreign/zeros.pth')],
    quiet: [...HEALTHY, ...strangers('zeros')],
  },
  'content/lfs-pointer': {
    triggers: [file('foreign/git_lfs_pointer.pth')],
    quiet: [...HEALTHY, ...strangers('git_lfs_pointer')],
  },
  'content/html': {
    triggers: [file('foreign/html_page.pth')],
    quiet: [...HEALTHY, ...strangers('html_page')],
  },
  'content/json': {
    triggers: [file('foreign/json_error.pth')],
    quiet: [...HEALTHY, ...strangers('json_error')],
  },
  'content/text': {
    triggers: [file('foreign/plain_text.pth')],
    quiet: [...HEALTHY, ...strangers('plain_text')],
  },
  'content/other-format': {
    triggers: files(
      'foreign/hdf5.pth',
      'foreign/gguf.pth',
      'foreign/numpy_array.pth',
      'foreign/numpy_archive.pth',
    ),
    quiet: [...HEALTHY, ...strangers('hdf5')],
  },
  'content/gzip': {
    triggers: files('nested/legacy.pth.gz', 'nested/checkpoint.tar.gz'),
    quiet: [...HEALTHY, ...files('nested/checkpoint.tar', 'foreign/zeros.pth')],
  },
  'content/archive': {
    triggers: files('nested/checkpoint.tar', 'nested/deflated.zip', 'nested/two.zip'),
    quiet: [...HEALTHY, ...files('nested/legacy.pth.gz', 'tar/state_dict.tar')],
  },
  'content/plain-pickle': {
    triggers: files('pickle/state_dict_2.pkl', 'pickle/state_dict_5.pkl', 'pickle/arrays_4.pkl'),
    quiet: [...HEALTHY, ...files('broken/protocol_4.pth', 'legacy/protocol_4.pth')],
  },
  'content/safetensors': {
    triggers: [file('foreign/safetensors.pth')],
    quiet: [...HEALTHY, archive('a name that says what it is', { kind: 'torch-zip' })],
  },
  'zip/truncated': {
    triggers: files(
      'damaged/truncated_in_storage.pth',
      'damaged/truncated_in_pickle.pth',
      'damaged/no_end_record.pth',
    ),
    quiet: [...HEALTHY, ...files('damaged/directory_damaged.pth', 'damaged/legacy_truncated.pth')],
  },
  'zip/damaged': {
    triggers: files('damaged/directory_damaged.pth', 'damaged/directory_offset_wrong.pth'),
    quiet: [...HEALTHY, ...files('damaged/truncated_in_storage.pth', 'damaged/legacy_elements.pth')],
  },
  'zip/encrypted': {
    triggers: [file('archives/encrypted_flag.pth')],
    quiet: [...HEALTHY, file('archives/bzip2.pth')],
  },
  'zip/zip32-sizes': {
    triggers: [
      file('archives/zip64_missing.pth'),
      archive('5 GiB of which a directory of 32 bits says 1', {
        options: { shape: [5 * GIB], dtype: 'uint8' },
        storages: { content: bytesOf(GIB) },
      }),
    ],
    quiet: [
      ...HEALTHY,
      file('damaged/record_short.pth'),
      archive('5 GiB, of which some are missing', {
        options: { shape: [5 * GIB], dtype: 'uint8' },
        storages: { content: bytesOf(GIB + 8) },
      }),
    ],
  },
  'zip/missing-record': {
    triggers: files('damaged/record_missing.pth', 'damaged/pickle_missing.pth', 'foreign/text_archive.pth'),
    quiet: [...HEALTHY, file('damaged/record_short.pth')],
  },
  'zip/record-size': {
    triggers: files('damaged/record_short.pth', 'archives/record_long.pth'),
    quiet: [
      ...HEALTHY,
      ...files('damaged/record_missing.pth', 'clean/untyped_storages.pth', 'clean/quantized.pth'),
    ],
  },
  'zip/duplicate-record': {
    triggers: [
      file('archives/twice_the_same.pth'),
      archive('names that differ in case', { records: [record('data.pkl'), record('DATA.PKL')] }),
    ],
    quiet: [
      ...HEALTHY,
      archive('the same name in another folder', {
        records: [record('data.pkl'), record('x/data.pkl', { outsideRoot: true })],
      }),
    ],
  },
  'zip/foreign-entries': {
    triggers: files('archives/macos.pth', 'archives/foreign_first.pth', 'archives/foreign_file_first.pth'),
    quiet: [
      ...HEALTHY,
      ...files('archives/no_folder.pth', 'clean/rezipped_deflated.pth', 'nested/deflated.zip'),
    ],
  },
  'zip/no-top-folder': {
    triggers: files('archives/no_folder.pth', 'archives/two_folders_deep.pth'),
    quiet: [...HEALTHY, ...files('archives/macos.pth', 'clean/dotted.name.tar.pth')],
  },
  'zip/version': {
    triggers: files(
      'archives/without_version.pth',
      'archives/version_99.pth',
      'archives/version_0.pth',
      'archives/version_text.pth',
    ),
    quiet: [
      ...HEALTHY,
      ...['1', '10\n', '3junk', ' 3'].map((version) =>
        archive(`version ${JSON.stringify(version)}`, { archive: { version } }),
      ),
    ],
  },
  'zip/byteorder': {
    triggers: files('clean/big_endian.pth', 'archives/byteorder_line.pth'),
    quiet: [
      ...HEALTHY,
      archive('no byteorder at all', { archive: { byteOrder: undefined } }),
      archive('big-endian bytes', { archive: { byteOrder: 'big' }, options: { dtype: 'uint8' } }),
    ],
  },
  'zip/compressed-record': {
    triggers: [
      ...files('clean/rezipped_deflated.pth', 'archives/bzip2.pth'),
      archive('only the pickle is deflated', {
        records: [record('data.pkl', { method: 8 }), record('data/0')],
      }),
    ],
    quiet: [
      ...HEALTHY,
      ...files('archives/whole_but_repacked.pth', 'foreign/torchscript.pth'),
      archive('an empty record that is said to be deflated', {
        records: [record('data.pkl'), record('model/', { method: 8, size: 0 })],
      }),
    ],
  },
  'zip/header-mismatch': {
    triggers: files('archives/local_name.pth', 'damaged/local_header_damaged.pth'),
    quiet: [...HEALTHY, ...files('archives/whole_but_repacked.pth', 'clean/rezipped_deflated.pth')],
  },
  'zip/crc-absent': {
    triggers: files('clean/crc_off.pth', 'archives/skipped_data.pth'),
    quiet: [
      ...HEALTHY,
      archive('a sum that is 0 by right', { records: [record('data.pkl'), record('data/0', { crc32: 0 })] }),
      archive('an empty record', { records: [record('data.pkl'), record('data/0', { crc32: 0, size: 0 })] }),
    ],
  },
  'zip/crc-mismatch': {
    crc: true,
    triggers: files('archives/pickle_crc.pth', 'damaged/crc_wrong.pth'),
    quiet: [
      ...HEALTHY,
      ...files('clean/crc_off.pth', 'clean/rezipped_deflated.pth', 'archives/skipped_data.pth'),
    ],
  },
  'pickle/damaged': {
    triggers: files(
      'damaged/pickle_bogus_opcode.pth',
      'damaged/pickle_without_stop.pth',
      'damaged/pickle_empty.pth',
      'damaged/view_outside_storage.pth',
    ),
    quiet: [...HEALTHY, ...files('damaged/record_missing.pth', 'damaged/truncated_in_pickle.pth')],
  },
  'pickle/python2-strings': {
    triggers: [file('archives/python2_latin1.pth')],
    quiet: [...HEALTHY, file('legacy/python2.pth')],
  },
  'legacy/format': {
    triggers: files('legacy/state_dict.pth', 'legacy/earliest.pth', 'legacy/untyped_storages.pth'),
    quiet: files('clean/state_dict.pth', 'tar/state_dict.tar', 'pickle/state_dict_2.pkl'),
  },
  'legacy/tar': {
    triggers: files('tar/state_dict.tar', 'tar/without_tensors.tar'),
    quiet: [...HEALTHY, file('nested/checkpoint.tar')],
  },
  'legacy/truncated': {
    triggers: [file('damaged/legacy_truncated.pth')],
    quiet: [...HEALTHY, ...files('damaged/legacy_elements.pth', 'damaged/truncated_in_storage.pth')],
  },
  'legacy/storage-size-mismatch': {
    triggers: [file('damaged/legacy_elements.pth')],
    quiet: [...HEALTHY, ...files('damaged/legacy_truncated.pth', 'damaged/record_short.pth')],
  },
  'compat/mmap': {
    triggers: [
      ...files('archives/whole_but_repacked.pth', 'clean/rezipped_deflated.pth'),
      archive('a storage between two bytes', { storages: { fileOffset: 67, content: bytesOf(24) } }),
      archive('a key that is not the first', {
        records: [record('data.pkl'), record('.format_version'), record('data/7')],
        storages: { key: '7', fileOffset: 64 },
      }),
    ],
    quiet: [
      ...HEALTHY,
      ...files(
        'clean/alignment_16.pth',
        'clean/alignment_512.pth',
        'clean/views.pth',
        'clean/untyped_storages.pth',
      ),
      ...files(
        'clean/crc_off.pth',
        'clean/strides.pth',
        'nested/checkpoint.tar',
        'archives/skipped_data.pth',
      ),
    ],
  },
  'compat/min-torch': {
    triggers: files('archives/float8.pth', 'clean/conj_and_neg.pth', 'clean/untyped_storages.pth'),
    quiet: [...HEALTHY, ...files('clean/typed_storages.pth', 'clean/quantized.pth')],
  },
  'storage/oversized': {
    triggers: [
      file('archives/slice.pth'),
      viewing('a tenth of a storage', 100_000, [[0, 10_000]]),
      viewing('both ends of a storage', 100_000, [
        [0, 1000],
        [99_000, 100_000],
      ]),
    ],
    quiet: [
      ...HEALTHY,
      ...files('archives/fused.pth', 'clean/views.pth', 'clean/strides.pth', 'clean/sparse.pth'),
      viewing('a few kilobytes too many', 10_000, [[0, 10]]),
      viewing('a large storage that is nearly full', 10_000_000, [[0, 9_900_000]]),
      viewing('a slice beside the whole', 100_000, [
        [0, 10],
        [0, 100_000],
      ]),
    ],
  },
  'storage/tied': {
    triggers: [
      file('clean/tied_weights.pth'),
      viewing('one stretch under two names', 10, [
        [0, 10],
        [0, 10],
      ]),
    ],
    quiet: [
      ...HEALTHY,
      file('archives/fused.pth'),
      viewing('two halves', 10, [
        [0, 5],
        [5, 10],
      ]),
      viewing('overlapping stretches', 10, [
        [0, 8],
        [4, 10],
      ]),
    ],
  },
  'convert/shared-memory': {
    triggers: [
      file('clean/strides.pth'),
      viewing('overlapping stretches', 10, [
        [0, 8],
        [4, 10],
      ]),
      viewing('one within another', 10, [
        [0, 10],
        [2, 4],
        [6, 8],
      ]),
    ],
    quiet: [
      ...HEALTHY,
      file('archives/fused.pth'),
      viewing('two halves', 10, [
        [0, 5],
        [5, 10],
      ]),
      viewing('one stretch under two names', 10, [
        [0, 10],
        [0, 10],
      ]),
    ],
  },
  'device/meta-storage': {
    triggers: [
      ...files('archives/meta_model.pth', 'broken/tag_meta.pth', 'clean/parameters.pth'),
      archive('a tag without bytes', { options: { location: 'meta' } }),
    ],
    quiet: [...HEALTHY, ...files('broken/tag_mps.pth', 'broken/cuda_state_dict.pth')],
  },
  'device/index-out-of-range': {
    triggers: [file('archives/gpu_17.pth')],
    quiet: [
      ...HEALTHY,
      ...files('broken/two_gpus.pth', 'broken/tag_npu_0.pth', 'broken/cuda_without_index.pth'),
    ],
  },
};

/** A pickle that is large as a whole and holds nothing large. */
export function largePickle(length: number): Checkpoint {
  const made = checkpointOf(dict({ index: new PyBytes('bytes', bytesOf(100)) }));
  return { ...made, pickle: { ...(made.pickle as PickleFacts), length } };
}
