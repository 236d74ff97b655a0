import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type ByteSource, MemorySource, SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange, readSegment, type Segment } from '../io/segment.ts';
import { decodePickle } from '../pickle/decoder.ts';
import type { Archive } from './archive.ts';
import { assembleCheckpoint } from './assemble.ts';
import { eraOf } from './era.ts';
import { type StoredBytes, storageTable } from './storage-table.ts';

/** A deflated pickle has to be inflated into memory; a larger one is no state_dict. */
const LONGEST_DEFLATED_PICKLE = 256 * 2 ** 20;

/**
 * Opens what `torch.save` writes since 1.6 (and 1.4 on request): a zip archive with a `data.pkl` and one record a storage.
 * @param content The record `data.pkl`.
 */
export async function openTorchZip(archive: Archive, content: Segment, path: string): Promise<Checkpoint> {
  const pickle = await decodePickle(await pickleSource(content));
  const byteOrder = await byteOrderOf(archive);
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
      entries: archive.entries.length,
      era: eraOf(archive, table.storages),
    },
    root: pickle.value,
    table,
    pickle,
    recordLength: content.length,
    records: archive.records(),
  });
}

/** A record as a source of its own, to decode a pickle from: where it stands in the file, or inflated into memory. */
export async function pickleSource(content: Segment): Promise<ByteSource> {
  if (isRange(content)) return new SubSource(content.source, content.offset, content.length);
  return new MemorySource(await readSegment(content, LONGEST_DEFLATED_PICKLE));
}

/** The record says `little` or `big`; torch before 2.1 wrote none and meant little. */
export async function byteOrderOf(archive: Archive): Promise<'little' | 'big'> {
  const content = archive.content('byteorder');
  // only 'big' has three letters, so an honest file costs no read here
  if (content === undefined || content.length !== 3) return 'little';
  return Buffer.from(await readSegment(content, 3)).toString('latin1') === 'big' ? 'big' : 'little';
}

function findRecord(archive: Archive, key: string, bytes: number): StoredBytes {
  const record = `data/${key}`;
  const entry = archive.entry(record);
  if (!entry) {
    const damage = new UnreadableError(
      'missing-record',
      `record ${record} is missing: a storage of ${bytes} bytes is lost; get the file again`,
    );
    return { content: undefined, damage };
  }
  const found = { content: archive.content(record), crc32: entry.crc32 };
  if (entry.size >= bytes) return found;
  const damage = new UnreadableError(
    'short-record',
    `record ${record} has ${entry.size} bytes, its storage needs ${bytes}; get the file again`,
    archive.dataOffset(record),
  );
  return { ...found, damage };
}
