import type { ArchiveOddity, Checkpoint } from '../checkpoint/checkpoint.ts';
import { type ByteSource, MemorySource, SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange, readSegment, type Segment } from '../io/segment.ts';
import { type DecodedPickle, decodePickle } from '../pickle/decoder.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import type { Archive } from './archive.ts';
import { archiveFacts } from './archive-facts.ts';
import { assembleCheckpoint } from './assemble.ts';
import { eraOf } from './era.ts';
import { type StorageTable, type StoredBytes, storageTable } from './storage-table.ts';
import { SummedReads } from './summed-reads.ts';

/** A deflated pickle has to be inflated into memory; a larger one is no state_dict. */
const LONGEST_DEFLATED_PICKLE = 256 * 2 ** 20;

/**
 * Opens what `torch.save` writes since 1.6 (and 1.4 on request): a zip archive with a `data.pkl` and one record a storage.
 * @param content The record `data.pkl`.
 */
export async function openTorchZip(archive: Archive, content: Segment, path: string): Promise<Checkpoint> {
  const bytes = new SummedReads(await pickleSource(content));
  const [pickle, facts] = await Promise.all([decodePickle(bytes), archiveFacts(archive)]);
  const byteOrder = facts.byteOrder === 'big' ? 'big' : 'little';
  const table = storageTable(pickle.persistents, byteOrder, (id, bytes) =>
    findRecord(archive, id.key, bytes),
  );
  return assembleCheckpoint({
    path,
    source: archive.source,
    container: {
      kind: 'torch-zip',
      pickleProtocol: pickle.protocol,
      byteOrder,
      root: archive.root,
      entries: archive.table.length,
      era: eraOf(archive, table.storages),
    },
    root: pickle.value,
    table,
    pickle,
    traces: [
      { record: 'data.pkl', trace: pickle.trace },
      ...(await otherTraces(archive, content, pickle, table, facts.oddities ?? [])),
    ],
    recordLength: content.length,
    // all of it was in memory, so to hold it against its checksum costs next to nothing
    pickleCrc32: await bytes.checksum(),
    records: () => archive.records(),
    unusualRecords: archive.unusualRecords(),
    archive: facts,
  });
}

/** Records that torch reads or writes besides the storages. */
const OWN_RECORDS = [
  'data.pkl',
  'version',
  'byteorder',
  '.format_version',
  '.storage_alignment',
  '.data/serialization_id',
  '.data/version',
];

/** What stands in the file for other readers than torch: behind the pickle, in records that nothing refers to, and between records. */
async function otherTraces(
  archive: Archive,
  content: Segment,
  pickle: DecodedPickle,
  { storages }: StorageTable,
  oddities: readonly ArchiveOddity[],
): Promise<RecordTrace[]> {
  const own = OWN_RECORDS.filter((record) => archive.has(record));
  let count = own.length;
  for (const { content } of storages) if (content !== undefined) count++;
  if (content.length === pickle.length && count === archive.table.length && oddities.length === 0) return [];
  const { sweepArchive } = await import('./sweep-archive.ts');
  return sweepArchive(
    archive,
    { pickles: [{ name: 'data.pkl', pickle }], others: OWN_RECORDS, storages },
    oddities,
  );
}

/** A record as a source of its own, to decode a pickle from: where it stands in the file, or inflated into memory. */
export async function pickleSource(content: Segment): Promise<ByteSource> {
  if (isRange(content)) return new SubSource(content.source, content.offset, content.length);
  const stored = 'deflated' in content ? content.deflated.length : content.length;
  return new MemorySource(await readSegment(content, LONGEST_DEFLATED_PICKLE), stored);
}

/** The record says `little` or `big`; torch before 2.1 wrote none and meant little. */
export async function byteOrderOf(archive: Archive): Promise<'little' | 'big'> {
  return (await archiveFacts(archive)).byteOrder === 'big' ? 'big' : 'little';
}

function findRecord(archive: Archive, key: string, bytes: number): StoredBytes {
  const index = archive.findStorage(key);
  if (index === undefined) {
    const damage = new UnreadableError(
      'missing-record',
      `record data/${key} is missing: a storage of ${bytes} bytes is lost; get the file again`,
    );
    return { content: undefined, damage };
  }
  const { table, offsets } = archive;
  const size = table.sizes[index] as number;
  const stored = { content: archive.contentAt(index), crc32: table.crc32s[index] };
  if (size >= bytes) return stored;
  const damage = new UnreadableError(
    'short-record',
    `record data/${key} has ${size} bytes, its storage needs ${bytes}; get the file again`,
    offsets[index],
  );
  return { ...stored, damage };
}
