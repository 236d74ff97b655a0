import { Archive } from '../formats/archive.ts';
import { interruption } from '../formats/interrupted.ts';
import {
  LONGEST_UNDO_RECORD,
  parseUndoRecord,
  UNDO_RECORD,
  type UndoRecord,
} from '../formats/undo-record.ts';
import { type ByteSource, SubSource } from '../io/byte-source.ts';
import { RefusedError } from '../io/errors.ts';
import { openFile } from '../io/file-source.ts';
import { type FileState, fileState, InPlaceFile } from '../io/in-place-file.ts';
import { type Journal, readJournal, removeJournal } from '../io/journal.ts';
import { isRange, readSegment } from '../io/segment.ts';
import { hasTail } from '../io/tail-digest.ts';
import { changingInPlace } from './changing.ts';

export interface UndoOptions {
  /** Take a run on another machine, which can't be seen from here, for dead. */
  readonly force?: boolean;
}

export interface UndoResult {
  readonly file: string;
  /** A whole fix, one that was interrupted, or one that was interrupted before it wrote a byte. */
  readonly undone: 'fix' | 'interrupted' | 'nothing-written';
  /** Bytes of the file now, and how many were taken off its end. */
  readonly bytes: number;
  readonly removed: number;
  /** Fixes in place that can still be taken back. */
  readonly left: number;
}

/**
 * Takes the last fix in place back: cuts the file to what it was, byte for byte. Where a fix was interrupted, that is what is taken
 * back.
 *
 * @throws RefusedError where there is nothing to take back, another run is at the file, or the file is not what the fix left behind;
 * UnreadableError where it can't be read. The file is as it was then.
 */
export async function undoFix(path: string, options: UndoOptions = {}): Promise<UndoResult> {
  const state = await fileState(path);
  const journal = await readJournal(state.path);
  if (journal) return repair(path, state, journal, options);
  const { origin } = await undoableRecord(state);
  await changingInPlace(state, origin, (file) => file.cut(origin.length));
  return {
    file: path,
    undone: 'fix',
    bytes: origin.length,
    removed: state.size - origin.length,
    left: await fixesLeft(state),
  };
}

/** What the file says of its last fix, held against the file. */
async function undoableRecord({ path }: FileState): Promise<UndoRecord> {
  const source = await openFile(path);
  try {
    const record = await undoRecordOf(source);
    if (record === undefined)
      throw new RefusedError('nothing to take back: the file holds no record of a fix in place');
    const { origin, healedLength } = record;
    if (source.size !== healedLength) {
      throw new RefusedError(
        `the file has ${source.size} bytes, the fix in place left ${healedLength}: something else has written to it since, so it can't be taken back`,
      );
    }
    if (!(await hasTail(source, origin.length, origin.tail))) {
      throw new RefusedError(
        `what stands before byte ${origin.length} is not the file that was fixed in place: its digest differs, so it can't be taken back`,
      );
    }
    // a record that somebody made up must not cut a file to what opens nowhere
    await Archive.open(new SubSource(source, 0, origin.length));
    return record;
  } finally {
    await source.close?.();
  }
}

async function undoRecordOf(source: ByteSource): Promise<UndoRecord | undefined> {
  const head = await source.read(0, Math.min(2, source.size));
  if (head[0] !== 0x50 || head[1] !== 0x4b) return undefined;
  const content = (await Archive.open(source)).content(UNDO_RECORD);
  if (content === undefined || !isRange(content) || content.length > LONGEST_UNDO_RECORD) return undefined;
  return parseUndoRecord(Buffer.from(await readSegment(content, LONGEST_UNDO_RECORD)).toString('latin1'));
}

async function fixesLeft({ path }: FileState): Promise<number> {
  const source = await openFile(path);
  try {
    return (await undoRecordOf(source))?.fixes ?? 0;
  } finally {
    await source.close?.();
  }
}

/** Finishes what another run left unfinished: cuts the file to what its journal says. */
async function repair(
  path: string,
  state: FileState,
  journal: Journal,
  options: UndoOptions,
): Promise<UndoResult> {
  const { origin, owner } = journal;
  if (journal.state === 'alive' || (journal.state === 'unknown' && !options.force))
    throw interruption(journal, true);
  const file = await InPlaceFile.open(state);
  let removed = 0;
  try {
    if (origin !== undefined) {
      if (!(await hasTail(file, origin.length, origin.tail)))
        throw interruption({ ...journal, state: 'dead' }, false);
      // whoever repaired it meanwhile may have let a new run at the file
      const now = await readJournal(state.path);
      if (now?.owner?.pid !== owner?.pid || now?.owner?.started !== owner?.started) {
        throw new RefusedError('another run of ckpt-doctor has just repaired the file; look at it again');
      }
      removed = state.size - origin.length;
      if (removed > 0) await file.cut(origin.length);
    }
  } finally {
    await file.close();
  }
  await removeJournal(journal.path);
  return {
    file: path,
    undone: removed > 0 ? 'interrupted' : 'nothing-written',
    bytes: state.size - removed,
    removed,
    left: await fixesLeft(state),
  };
}
