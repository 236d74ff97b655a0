import { interruption } from '../formats/interrupted.ts';
import { RefusedError } from '../io/errors.ts';
import { holdingSignals } from '../io/held-signals.ts';
import { type FileState, InPlaceFile, inPlaceRefusal } from '../io/in-place-file.ts';
import { createJournal, readJournal, removeJournal } from '../io/journal.ts';
import type { Origin } from '../io/origin.ts';

/**
 * Changes the end of a file under the protection of a journal: from before the first byte changes until the work is done and on the
 * disk, a file beside it says what it was. Where the work fails, the file is cut back to that.
 *
 * @param origin What the file is to be cut to where the work fails, or the run dies in it.
 * @throws RefusedError where another run is at the file, an earlier one was interrupted, the file has changed since `state` was seen,
 * or it can't be written; and what the work throws.
 */
export async function changingInPlace<T>(
  state: FileState,
  origin: Origin,
  work: (file: InPlaceFile) => Promise<T>,
): Promise<T> {
  return holdingSignals(async () => {
    const journal = await journalFor(state, origin);
    const file = await InPlaceFile.open(state).catch(async (error: unknown) => {
      await removeJournal(journal);
      throw error;
    });
    try {
      const result = await work(file).catch(async (error: unknown) => {
        await file.cut(origin.length);
        await removeJournal(journal);
        throw error;
      });
      await removeJournal(journal);
      return result;
    } finally {
      await file.close();
    }
  });
}

async function journalFor({ path }: FileState, origin: Origin): Promise<string> {
  let created: string | undefined;
  try {
    created = await createJournal(path, origin);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === '') throw error;
    const why =
      code === 'ENAMETOOLONG'
        ? "its name is too long to put a journal's beside it"
        : `its folder takes no journal (${code})`;
    throw new RefusedError(`the file can't be changed in place: ${why}; write a copy with -o`);
  }
  if (created !== undefined) return created;
  const journal = await readJournal(path).catch((error: unknown) => {
    throw inPlaceRefusal(error);
  });
  if (journal) throw interruption(journal, true);
  throw new RefusedError('another run of ckpt-doctor has just changed the file; look at it again');
}
