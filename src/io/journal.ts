import { open, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { journalPath } from './journal-path.ts';
import { lifeOf, type ProcessIdentity, thisProcess } from './process-identity.ts';
import { syncFolder } from './sync-folder.ts';
import { LONGEST_TAIL, type TailDigest } from './tail-digest.ts';

/** What a file was before it was changed in place: enough to take the change back. */
export interface Origin {
  /** Bytes of the file. */
  readonly length: number;
  readonly tail: TailDigest;
}

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

/** The object that a JSON text holds; an empty one where it holds something else. */
export function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** An origin as JSON gives it back; undefined where it is none. */
export function asOrigin(value: unknown): Origin | undefined {
  const { length, tail } = (value ?? {}) as { length?: unknown; tail?: Partial<TailDigest> };
  const isLength = (number: unknown): number is number => Number.isSafeInteger(number) && Number(number) > 0;
  if (!isLength(length) || !isLength(tail?.length) || tail.length > LONGEST_TAIL) return undefined;
  if (!/^[0-9a-f]{64}$/.test(String(tail.sha256))) return undefined;
  return { length, tail: { length: tail.length, sha256: String(tail.sha256) } };
}
