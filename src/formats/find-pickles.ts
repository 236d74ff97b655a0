import type { ByteSource } from '../io/byte-source.ts';
import { RefusedError } from '../io/errors.ts';
import { Archive } from './archive.ts';
import { pickleSource } from './torch-zip.ts';

/** Where a pickle stands. */
export interface FoundPickle {
  /** Name of the record; empty where the file is the pickle. */
  readonly record: string;
  readonly source: ByteSource;
}

/** The names of an archive that a message lists. */
const NAMED = 8;

/**
 * The pickle of a file: the record of that name, or `data.pkl`, of a zip archive; else the file itself, which may be several pickles
 * behind each other. What it holds is not looked at, so it may be as damaged as it likes.
 *
 * @throws RefusedError where there is no such record; UnreadableError for an archive that can't be read.
 */
export async function findPickle(source: ByteSource, record?: string): Promise<FoundPickle> {
  const head = source.size >= 4 ? Buffer.from(await source.read(0, 4)).toString('latin1') : '';
  if (head !== 'PK\x03\x04') {
    if (record !== undefined)
      throw new RefusedError(
        `the file is no zip archive, so it has no record '${record}': leave the name out`,
      );
    return { record: '', source };
  }
  const archive = await Archive.open(source);
  const wanted = record ?? 'data.pkl';
  const content = archive.content(wanted) ?? archive.rootedAt('').content(wanted);
  if (content) return { record: wanted, source: await pickleSource(content) };
  const names = archive.entries.map(({ name }) => name);
  const pickles = names.filter((name) => /\.pkl$/i.test(name));
  const listed = (pickles.length > 0 ? pickles : names).slice(0, NAMED).join(', ');
  throw new RefusedError(
    `the archive has no record '${wanted}'; it has ${listed}${names.length > NAMED ? ' …' : ''}`,
  );
}
