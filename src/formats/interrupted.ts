import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type ByteSource, SubSource } from '../io/byte-source.ts';
import { isKnownError, UnreadableError } from '../io/errors.ts';
import { type Journal, readJournal } from '../io/journal.ts';
import { hasTail } from '../io/tail-digest.ts';

/**
 * Opens a file beside which a journal stands: its end is being changed in place, or that was interrupted. What is shown is the file
 * as it was before, as far as the journal leads there; the journal is the first damage.
 *
 * @param file Its path without symbolic links.
 * @param open Opens the checkpoint in a source.
 * @throws UnreadableError that speaks of the journal, where nothing can be opened.
 */
export async function openInterrupted(
  source: ByteSource,
  file: string,
  open: (source: ByteSource) => Promise<Checkpoint>,
): Promise<Checkpoint> {
  const journal = await readJournal(file);
  if (journal === undefined) return open(source);
  const { origin } = journal;
  const leads = origin !== undefined && (await hasTail(source, origin.length, origin.tail));
  const fault = interruption(journal, leads || origin === undefined);
  const before = leads && origin.length < source.size ? new SubSource(source, 0, origin.length) : source;
  const checkpoint = await open(before).catch((error: unknown) => {
    if (!isKnownError(error)) throw error;
    throw new UnreadableError(fault.code, `${fault.message} (${error.message})`);
  });
  return {
    ...checkpoint,
    fileSize: checkpoint.fileSize ?? source.size,
    damage: [fault, ...checkpoint.damage],
    close: async () => {
      await checkpoint.close();
      await source.close?.();
    },
  };
}

/** What a journal says to whoever meets it. @param belongs Whether it speaks of the file beside it. */
export function interruption(journal: Journal, belongs: boolean): UnreadableError {
  const { path, state, owner } = journal;
  if (state === 'alive') {
    return new UnreadableError(
      'changed',
      `another run of ckpt-doctor (process ${owner?.pid}) is changing the file; wait until it is done`,
    );
  }
  if (state === 'unknown') {
    return new UnreadableError(
      'changed',
      `a run of ckpt-doctor on another machine (process ${owner?.pid} of ${owner?.place}) is changing the file; wait until it is done, ` +
        'or where it died take its work back: ckpt-doctor undo --force',
    );
  }
  if (!belongs) {
    return new UnreadableError(
      'interrupted',
      `a fix in place was interrupted here, but the file is not the one that it was at work on; see that it is the one you want, then remove ${path}`,
    );
  }
  return new UnreadableError('interrupted', 'a fix in place was interrupted; take it back: ckpt-doctor undo');
}
