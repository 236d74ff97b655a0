import type { ArchiveRecord, Checkpoint } from '../checkpoint/checkpoint.ts';
import { UNDO_RECORD } from '../formats/undo-record.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { RefusedError } from '../io/errors.ts';
import { readSegment, type Segment, segmentLength } from '../io/segment.ts';
import type { EncodedPickle } from '../pickle/encoder.ts';
import { METHOD_DEFLATED } from '../zip/constants.ts';
import { type ArchiveLayout, layoutArchive, type OutputRecord } from '../zip/layout.ts';
import { wholeContent } from './convert-storage.ts';
import type { PlannedStorage } from './plan.ts';

/** The records of torch's own that every output gets anew. */
const OWN_RECORDS = new Set([
  'data.pkl',
  '.format_version',
  '.storage_alignment',
  'byteorder',
  'version',
  '.data/serialization_id',
  // speaks of the file that it stands in, of no other
  UNDO_RECORD,
]);

/** Format version of the archive itself, as torch 1.6 to 2.14 write it. */
export const ARCHIVE_VERSION = '3\n';

/**
 * The output archive, by the rules of torch 2.13's own writer: `data.pkl`, `.format_version` and `.storage_alignment` (which promise
 * that storages stand in the order of the pickle), `byteorder`, the storages, and `version`. Records that torch does not know are
 * carried along; what no loader could reach is left out and noted.
 */
export async function layoutOutput(
  checkpoint: Checkpoint,
  pickle: EncodedPickle,
  storages: readonly PlannedStorage[],
): Promise<{ layout: ArchiveLayout; notes: string[] }> {
  const notes: string[] = [];
  const records: OutputRecord[] = [
    { name: 'data.pkl', content: pickle.content, size: pickle.length },
    text('.format_version', '1'),
    text('.storage_alignment', '64'),
    text('byteorder', 'little'),
    ...storages.map((planned) => storageRecord(planned)),
    ...carriedRecords(checkpoint, storages, notes),
    text('version', ARCHIVE_VERSION),
  ];
  const id = await serializationId(checkpoint, pickle, storages);
  if (id) records.push(id);
  return { layout: layoutArchive(rootOf(checkpoint), records), notes };
}

function text(name: string, content: string): OutputRecord {
  return { name, content: [Buffer.from(content, 'latin1')], size: content.length };
}

/** The folder of the source is kept; an archive without one gets the name that torch gives where it knows no file name. */
function rootOf(checkpoint: Checkpoint): string {
  const root = checkpoint.container.root ?? '';
  return root === '' || root.includes('/') ? 'archive' : root;
}

/** The bytes that the pickle counts on; a record that is longer is cut, since torch 2.10 and newer refuse it. */
function storageRecord({ storage, key }: PlannedStorage): OutputRecord {
  const { bytes } = storage;
  const content = wholeContent(storage);
  if (content === undefined) throw new RefusedError(`storage ${storage.key} has no bytes in the file`);
  return { name: `data/${key}`, content: bytes === 0 ? [] : [content], size: bytes };
}

/** Records inside the root folder that are neither torch's own nor storages: extra files that somebody put there. */
function carriedRecords(
  checkpoint: Checkpoint,
  storages: readonly PlannedStorage[],
  notes: string[],
): OutputRecord[] {
  const used = new Set(storages.map(({ storage }) => `data/${storage.key}`.toLowerCase()));
  const carried: OutputRecord[] = [];
  const taken = new Set<string>();
  let unreachable = 0;
  let outside = 0;
  for (const record of checkpoint.records) {
    const name = record.name.toLowerCase();
    if (name.endsWith('/') || OWN_RECORDS.has(name) || used.has(name)) continue;
    if (name.startsWith('data/')) unreachable++;
    else if (record.outsideRoot || taken.has(name)) outside++;
    else {
      taken.add(name);
      carried.push({ name: record.name, content: [contentOf(checkpoint.source, record)], size: record.size });
    }
  }
  if (unreachable > 0) notes.push(`${unreachable} data records that no tensor uses are left out`);
  if (outside > 0) notes.push(`${outside} records outside the folder that torch reads are left out`);
  return carried;
}

function contentOf(source: ByteSource, record: ArchiveRecord): Segment {
  const range = { source, offset: record.dataOffset ?? 0, length: record.storedSize };
  return record.method === METHOD_DEFLATED ? { deflated: range, length: record.size } : range;
}

/** torch's fingerprint of names and bytes stays true only where nothing at all was changed. */
async function serializationId(
  checkpoint: Checkpoint,
  pickle: EncodedPickle,
  storages: readonly PlannedStorage[],
): Promise<OutputRecord | undefined> {
  const record = checkpoint.records.find(({ name }) => name === '.data/serialization_id');
  if (record?.method !== 0 || record.size > 4096) return undefined;
  if (storages.some(({ storage, key }) => storage.key !== key)) return undefined;
  if (!(await holdsPickle(checkpoint, pickle))) return undefined;
  return { name: record.name, content: [contentOf(checkpoint.source, record)], size: record.size };
}

/** Whether the archive that a checkpoint came from has this very pickle, stored as it is. */
export async function holdsPickle(checkpoint: Checkpoint, pickle: EncodedPickle): Promise<boolean> {
  const record = checkpoint.records.find(({ name }) => name === 'data.pkl');
  if (record?.dataOffset == null || record.method !== 0 || record.size !== pickle.length) return false;
  let at = record.dataOffset;
  for (const segment of pickle.content) {
    const length = segmentLength(segment);
    const old = await checkpoint.source.read(at, length);
    if (!Buffer.from(old).equals(await readSegment(segment, length))) return false;
    at += length;
  }
  return true;
}
