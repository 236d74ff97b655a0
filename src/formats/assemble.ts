import type { ArchiveRecord, Checkpoint, Container, GlobalUse } from '../checkpoint/checkpoint.ts';
import { geometryFaults } from '../checkpoint/geometry.ts';
import { listTensors } from '../checkpoint/listing.ts';
import { tensorNamed } from '../checkpoint/tensor-handle.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import type { DecodedPickle } from '../pickle/decoder.ts';
import type { Value } from '../pickle/values.ts';
import { isAllowedGlobal } from '../torch/allowlist.ts';
import type { StorageTable } from './storage-table.ts';

/** What every format finds out in its own way. */
export interface Findings {
  readonly path: string;
  readonly source: ByteSource;
  readonly container: Container;
  /** The object that the loader of this format would return. */
  readonly root: Value;
  readonly table: StorageTable;
  /** The pickle that `root` came from, where it came from one, and the bytes of the record or file that holds it. */
  readonly pickle?: DecodedPickle;
  readonly recordLength?: number;
  /** Where the file has more pickles than `pickle`. */
  readonly traces?: Checkpoint['traces'];
  readonly pickleCrc32?: number | undefined;
  /** Of an archive; they are made when somebody asks for them, which most rules don't. */
  readonly records?: () => readonly ArchiveRecord[];
  readonly unusualRecords?: Checkpoint['unusualRecords'];
  readonly archive?: Checkpoint['archive'];
  readonly annotations?: Checkpoint['annotations'];
  readonly sharding?: Checkpoint['sharding'];
  readonly loadable?: Checkpoint['loadable'];
  /** Closed with the checkpoint, beside `source`. */
  readonly closeAlso?: readonly Pick<ByteSource, 'close'>[];
}

/**
 * Makes the checkpoint that all rules, reports and fixes speak of.
 * @throws UnreadableError `bad-pickle` for a tensor that torch could not build.
 */
export function assembleCheckpoint(found: Findings): Checkpoint {
  const { path, source, container, root, table, pickle, closeAlso = [] } = found;
  const { archive, unusualRecords, annotations, sharding, loadable } = found;
  const { tensors, omissions } = listTensors(root, table.storageOf);
  let records: readonly ArchiveRecord[] | undefined;
  return {
    path,
    source,
    container,
    root,
    tensors,
    storages: table.storages,
    storageOf: table.storageOf,
    globals: pickle ? globalUses(pickle) : [],
    ...(pickle && {
      pickle: {
        protocol: pickle.protocol,
        length: pickle.length,
        recordLength: found.recordLength ?? pickle.length,
        ...(found.pickleCrc32 !== undefined && { crc32: found.pickleCrc32 }),
        opcodes: pickle.opcodes,
        longPayloads: pickle.longPayloads,
      },
    }),
    traces:
      found.traces ?? (pickle ? [{ record: found.records ? 'data.pkl' : '', trace: pickle.trace }] : []),
    get records() {
      records ??= found.records?.() ?? [];
      return records;
    },
    ...(unusualRecords && { unusualRecords }),
    omissions,
    damage: [...overlapFaults(archive), ...table.damage, ...geometryFaults(tensors)],
    ...(archive && { archive }),
    ...(annotations && { annotations }),
    ...(sharding && { sharding, fileSize: sharding.files.reduce((sum, { bytes = 0 }) => sum + bytes, 0) }),
    ...(loadable && { loadable }),
    tensor(name) {
      return tensorNamed(this.tensors, name);
    },
    close: async () => {
      await Promise.all([source, ...closeAlso].map((each) => each.close?.()));
    },
  };
}

/** What the bytes of such a record are can't be told: another one has a claim to them. */
function overlapFaults(archive: Checkpoint['archive']): UnreadableError[] {
  const first = archive?.oddities?.find(({ kind }) => kind === 'overlap');
  if (!first) return [];
  return [
    new UnreadableError(
      'bad-archive',
      `record '${first.record}' takes bytes of the file that belong to ${first.what} too; no writer makes such an archive, get the file again`,
      first.offset,
      'zip/overlap',
    ),
  ];
}

function globalUses(pickle: DecodedPickle): GlobalUse[] {
  return pickle.globals.map((global) => ({
    name: global.qualifiedName,
    count: global.uses,
    weightsOnly: isAllowedGlobal(global.module, global.name),
    offset: global.offset,
  }));
}
