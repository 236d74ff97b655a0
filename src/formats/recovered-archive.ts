import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type ByteSource, SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { decodePickle } from '../pickle/decoder.ts';
import type { PyPersistent } from '../pickle/values.ts';
import { storageIdOf } from '../torch/storage-id.ts';
import { METHOD_STORED } from '../zip/constants.ts';
import { type FoundHeader, recoverRecords } from '../zip/recover.ts';
import { Archive } from './archive.ts';
import { openRecords } from './open-archive.ts';

/** The pickle is the first record, and what follows it may be many times larger. */
const FIRST_READ = 256 * 1024;
const PICKLE = /(^|\/)data\.pkl$/i;
const STORAGE = /(^|\/)data\/([^/]+)$/;

/**
 * Opens a zip archive without its directory, by the local headers of its records, as far as they lead. In what torch.save writes the
 * pickle is the first record: it ends where its STOP is, and tells how long each storage is. Storages that are cut or gone are damage of
 * the checkpoint.
 *
 * @throws UnreadableError where no pickle is whole: without it nothing says what the bytes are.
 */
export async function openRecoveredArchive(source: ByteSource, path: string): Promise<Checkpoint> {
  const sizes = new Map<string, number>();
  let broken: unknown;
  const found = await recoverRecords(source, async (header) => {
    if (PICKLE.test(header.name)) {
      const pickle = await pickleAt(source, header).catch((error: unknown) => {
        broken = error;
      });
      for (const id of pickle?.persistents ?? []) noteSize(sizes, id);
      return pickle?.length;
    }
    const key = STORAGE.exec(header.name)?.[2];
    return key === undefined ? undefined : sizes.get(key);
  });
  if (broken !== undefined) throw broken;
  // a cut storage may hold whole tensors; half of another record is of no use
  const last = found.entries.at(-1);
  const isUseful = !found.isCut || (last?.method === METHOD_STORED && STORAGE.test(last.name));
  const entries = isUseful ? found.entries : found.entries.slice(0, -1);
  if (!entries.some(({ name }) => PICKLE.test(name))) {
    throw new UnreadableError(
      'missing-record',
      `no data.pkl is among the ${entries.length} records that are whole: without it nothing says what the bytes are`,
      undefined,
      'zip/missing-record',
    );
  }
  return openRecords(Archive.recovered(source, entries, found.offsets), path, async () => {
    throw new UnreadableError(
      'unsupported',
      'what stands inside a damaged archive is not opened; get the file again',
    );
  });
}

function pickleAt(source: ByteSource, { dataOffset }: FoundHeader) {
  const rest = new SubSource(source, dataOffset, source.size - dataOffset);
  return decodePickle(rest, 0, { firstRead: FIRST_READ });
}

function noteSize(sizes: Map<string, number>, persistent: PyPersistent): void {
  const id = storageIdOf(persistent);
  if (id && !sizes.has(id.key)) sizes.set(id.key, id.numel * (id.dtype?.itemSize ?? 1));
}
