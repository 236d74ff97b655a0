import { open, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { journalPath } from './journal-path.ts';
import { asOrigin, type Origin, parseObject } from './origin.ts';
import { lifeOf, type ProcessIdentity, thisProcess } from './process-identity.ts';
import { syncFolder } from './sync-folder.ts';

/**
 * What stands beside a file while its end is changed. Its being there keeps other runs away; when the run that made it died, it says
 * where to cut the file. It is on the disk, whole, before the first byte of the file changes: one that is not whole tells that none did.
 */
export interface Journal {
  readonly path: string;
  /** Undefined where its own writing was interrupted. */
  readonly origin: Origin | undefined;
  /** Whoever changes, or changed, the file. */
  readonly owner: ProcessIdentity | undefined;
  readonly state: 'alive' | 'dead' | 'unknown';
}

const FORMAT = 'ckpt-doctor/journal/1';
/** One that is larger is none of ours. */
const LONGEST_JOURNAL = 64 * 1024;
/** A journal is written in one call; a look at it in between is looked again. */
const PATIENCE_MS = 50;
const LOOKS = 4;

/**
 * Creates the journal of a file, synced, its name as well. From then on the file is ours.
 * @param file Path without symbolic links.
 * @returns its path; undefined where there is one already.
 * @throws the error of the system, and leaves no journal behind.
 */
export async function createJournal(file: string, origin: Origin): Promise<string | undefined> {
  const path = journalPath(file);
  const handle = await open(path, 'wx', 0o644).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    try {
      await handle.writeFile(JSON.stringify({ format: FORMAT, origin, owner: thisProcess() }));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncFolder(dirname(path));
    return path;
  } catch (error) {
    await unlink(path).catch(() => {});
    throw error;
  }
}

/** Reads the journal of a file; undefined where there is none. @throws the error of the system where it can't be read. */
export async function readJournal(file: string): Promise<Journal | undefined> {
  const path = journalPath(file);
  for (let look = 1; ; look++) {
    const text = await textOf(path);
    if (text === undefined) return undefined;
    const found = parseJournal(text);
    if (found) return { path, ...found, state: lifeOf(found.owner) };
    if (look === LOOKS) return { path, origin: undefined, owner: undefined, state: 'dead' };
    await setTimeout(PATIENCE_MS);
  }
}

/** Takes the journal away: the file is whole and on the disk. */
export async function removeJournal(path: string): Promise<void> {
  await unlink(path);
  await syncFolder(dirname(path));
}

async function textOf(path: string): Promise<string | undefined> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    const { size } = await handle.stat();
    return size > LONGEST_JOURNAL ? '' : await readFile(handle, 'utf8');
  } finally {
    await handle.close();
  }
}

function parseJournal(text: string): { origin: Origin; owner: ProcessIdentity } | undefined {
  const { format, origin, owner } = parseObject(text) as Record<string, unknown>;
  const from = asOrigin(origin);
  const by = owner as Partial<ProcessIdentity> | undefined;
  if (format !== FORMAT || from === undefined || typeof by?.pid !== 'number') return undefined;
  const { pid, place = '', started = '' } = by;
  return { origin: from, owner: { pid, place: String(place), started: String(started) } };
}
