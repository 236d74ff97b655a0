import { basename } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { diagnose } from '../diagnose/engine.ts';
import type { Finding } from '../diagnose/finding.ts';
import { openSource } from '../formats/open.ts';
import { LONGEST_UNDO_RECORD, parseUndoRecord, UNDO_RECORD, undoRecordText } from '../formats/undo-record.ts';
import { RefusedError } from '../io/errors.ts';
import { openFile } from '../io/file-source.ts';
import type { FileState } from '../io/in-place-file.ts';
import type { Origin } from '../io/origin.ts';
import { isRange, readSegment } from '../io/segment.ts';
import { digestTail } from '../io/tail-digest.ts';
import { growArchive } from '../zip/appender.ts';
import { readDirectory, type ZipDirectory } from '../zip/directory.ts';
import type { ArchiveLayout, OutputRecord } from '../zip/layout.ts';
import { DEFAULT_ALIGNMENT } from '../zip/placement.ts';
import { type WriteOptions, writeArchive } from '../zip/writer.ts';
import { changingInPlace } from './changing.ts';
import { offsetsCanBeComputed } from './computed-offsets.ts';
import type { Operation } from './operation.ts';
import { ARCHIVE_VERSION, holdsPickle } from './output-layout.ts';
import { type PlannedStorage, type Treatment, treat } from './plan.ts';
import { verifyOutput } from './verify.ts';

/** What a fix in place will write behind the end of the file. */
export interface InPlacePlan extends Treatment {
  /** Undefined where the file holds the result already. */
  readonly layout: ArchiveLayout | undefined;
  readonly origin: Origin;
  /** What is left out or mended on the way, in words. */
  readonly notes: readonly string[];
}

/** Fingerprint of names and bytes; torch never looks at it, and the new pickle makes it untrue. */
const SERIALIZATION_ID = '.data/serialization_id';
/** By these torch 2.7 and newer work out where storages are instead of looking. */
const COMPUTED_OFFSETS = new Set(['.format_version', '.storage_alignment']);

/**
 * Carries the operations out and plans a new pickle and a new directory behind the end of the file. Storages keep their records and
 * their places.
 *
 * @param state The file as it was before it was opened.
 * @throws RefusedError where that is not enough: the container is no zip archive of torch.save, or storages would have to be written
 * anew; the message says which, and why. And as `planFix`.
 */
export async function planInPlace(
  checkpoint: Checkpoint,
  operations: readonly Operation[],
  state: FileState,
): Promise<InPlacePlan> {
  // what a journal says comes before all that may look odd because of it
  if (checkpoint.damage[0]) throw checkpoint.damage[0];
  const root = rootOf(checkpoint);
  const { source } = checkpoint;
  const treatment = await treat(checkpoint, operations, 'kept');
  refuseMoves(treatment, checkpoint);
  const directory = await readDirectory(source);
  const mendings: string[] = [];
  const samePickle = await holdsPickle(checkpoint, treatment.pickle);
  const computed = await keepsComputedOffsets(checkpoint, treatment.storages, directory, root);
  if (!computed) mendings.push('.format_version is left out: torch would work out wrong places for storages');
  const mended = mendedRecords(checkpoint, mendings);
  const origin: Origin = { length: source.size, tail: await digestTail(source, source.size) };
  const undo = { origin, healedLength: 0, fixes: (await fixesOf(checkpoint)) + 1 };
  const undoText = undoRecordText(undo);
  const { layout, outside, repeated } = await growArchive(source, directory, {
    root,
    records: [
      { name: 'data.pkl', content: treatment.pickle.content, size: treatment.pickle.length },
      ...mended,
      { name: UNDO_RECORD, content: [undoText], size: undoText.length },
    ],
    keeps: (name) => {
      const record = name.toLowerCase();
      return (samePickle || record !== SERIALIZATION_ID) && (computed || !COMPUTED_OFFSETS.has(record));
    },
  });
  if (outside > 0) mendings.push(`${countOf(outside)} outside the folder that torch reads left out`);
  if (repeated > 0) mendings.push(`${countOf(repeated)} behind another of the same name left out`);
  const unused = checkpoint.storages.length - treatment.storages.length;
  const notes = [...placeNotes(checkpoint.path, state), ...mendings];
  if (unused > 0)
    notes.push(`bytes of storages that no tensor uses any more stay (${unused}); a copy leaves them out`);
  if (samePickle && mendings.length === 0) {
    return { ...treatment, origin, notes: [...notes, 'the file is so already'], layout: undefined };
  }
  undoText.set(undoRecordText({ ...undo, healedLength: layout.size }));
  return { ...treatment, origin, notes, layout };
}

function countOf(records: number): string {
  return records === 1 ? '1 record' : `${records} records`;
}

/** What the file is called besides. */
function placeNotes(path: string, { path: file, names }: FileState): string[] {
  const notes: string[] = [];
  if (basename(path) !== basename(file)) notes.push(`the file behind the link: ${file}`);
  if (names > 1) notes.push(`${names} names (hard links) lead to this file; it changes under all of them`);
  return notes;
}

/**
 * Writes what was planned, opens the file again, and holds it against the plan. Until that has gone well the file can be cut back to
 * what it was, by this run or, where it dies, by `undo`.
 *
 * @param state The file as it was before it was opened to plan.
 * @returns what is found in the file now.
 * @throws RefusedError where the file can't be written or is not what it was; it is as it was before then.
 */
export async function writeInPlace(
  plan: InPlacePlan,
  state: FileState,
  options: WriteOptions,
): Promise<readonly Finding[]> {
  const { layout, origin } = plan;
  if (layout === undefined) return openAgain(plan, state);
  return changingInPlace(state, origin, async (file) => {
    await writeArchive(layout, file, options);
    await file.sync();
    return openAgain(plan, state);
  });
}

async function openAgain(plan: InPlacePlan, { path }: FileState): Promise<readonly Finding[]> {
  const source = await openFile(path);
  try {
    const written = await openSource(source, plan.checkpoint.path);
    await verifyOutput(plan, written, 'quick');
    const moved = plan.storages.find(
      ({ storage }, index) => storage.bytes > 0 && written.storages[index]?.fileOffset !== storage.fileOffset,
    );
    if (moved)
      throw new RefusedError(`verification failed, nothing was kept: storage ${moved.key} is elsewhere`);
    return diagnose(written);
  } finally {
    await source.close?.();
  }
}

/** The folder of the archive, where it can grow at all. */
function rootOf({ container, fileSize }: Checkpoint): string {
  const { kind, root = '' } = container;
  if (kind !== 'torch-zip' || fileSize !== undefined) {
    const what = fileSize === undefined ? `this is ${kind}` : 'this one stands inside another file';
    throw new RefusedError(
      `--in-place is for zip archives of torch.save, and ${what}, which has to be written anew; leave --in-place out`,
    );
  }
  if (root === '' || root.includes('/')) {
    const where = root === '' ? 'in no folder' : `in the folder '${root}'`;
    throw new RefusedError(
      `the records stand ${where}, torch reads them in a folder at the top, so all have to be written anew; leave --in-place out`,
    );
  }
  return root;
}

/** @throws RefusedError for storages whose bytes can't stay where and as they are. */
function refuseMoves({ storages, rewriting }: Treatment, checkpoint: Checkpoint): void {
  const known = new Set(checkpoint.storages);
  const sizes = new Map(checkpoint.records.map(({ name, size }) => [name.toLowerCase(), size]));
  const reasons = new Map<string, string[]>();
  for (const { storage, key } of storages) {
    const reason = moveReason(known.has(storage), storage, sizes.get(`data/${key}`.toLowerCase()));
    if (reason === undefined) continue;
    const keys = reasons.get(reason);
    if (keys) keys.push(key);
    else reasons.set(reason, [key]);
  }
  if (reasons.size === 0) return;
  const by = rewriting.length > 0 ? ` from ${rewriting.map((name) => `--${name}`).join(' and ')}` : '';
  const words = Array.from(
    reasons,
    ([reason, keys]) => `${listOf(keys)} ${reason}${reason === OTHER_BYTES ? by : ''}`,
  ).join('; ');
  throw new RefusedError(`a copy is needed, because ${words}; leave --in-place out`);
}

const OTHER_BYTES = 'gets other bytes';

function moveReason(
  isKnown: boolean,
  storage: PlannedStorage['storage'],
  recordBytes: number | undefined,
): string | undefined {
  if (!isKnown) return OTHER_BYTES;
  if (storage.content && !isRange(storage.content)) return 'is deflated';
  if (recordBytes !== storage.bytes) return 'has a record of another length, which torch 2.10 refuses';
  return undefined;
}

function listOf(keys: readonly string[]): string {
  const shown = keys.slice(0, 5).join(', ');
  if (keys.length === 1) return `storage ${shown}`;
  return keys.length <= 5
    ? `each of the storages ${shown}`
    : `each of the storages ${shown} and ${keys.length - 5} more`;
}

/** Whether the records stay, where there are such, by which torch works out where storages are. */
async function keepsComputedOffsets(
  checkpoint: Checkpoint,
  storages: readonly PlannedStorage[],
  directory: ZipDirectory,
  root: string,
): Promise<boolean> {
  if (!checkpoint.records.some(({ name }) => name.toLowerCase() === '.format_version')) return true;
  const first = `${root}/data/0`.toLowerCase();
  const entry = directory.entries.find(({ name }) => name.toLowerCase() === first);
  const alignment = await textOf(checkpoint, '.storage_alignment');
  return offsetsCanBeComputed(storages, {
    firstHeader: entry?.headerOffset ?? 0,
    prefixLength: Buffer.byteLength(root) + 1,
    alignment: alignment === undefined ? DEFAULT_ALIGNMENT : Number.parseInt(alignment, 10) || 1,
  });
}

/** Records without which, or with which as they are, torch takes no file. */
function mendedRecords(checkpoint: Checkpoint, notes: string[]): OutputRecord[] {
  const { archive, container } = checkpoint;
  const mended: OutputRecord[] = [];
  const mend = (name: string, content: string, fault: string): void => {
    notes.push(`record ${name} ${fault}: it is written anew`);
    mended.push({ name, content: [Buffer.from(content, 'latin1')], size: content.length });
  };
  if (!archive) return mended;
  const fault = pickleFault(checkpoint);
  if (fault !== undefined) notes.push(`record data.pkl ${fault}: it is written anew`);
  // the ten versions of the format that torch 2.14 reads
  if (archive.version === undefined) mend('version', ARCHIVE_VERSION, 'is missing');
  else if (!/^\s*([1-9]|10)(?!\d)/.test(archive.version))
    mend('version', ARCHIVE_VERSION, 'is none that torch reads');
  if (!['little', 'big', undefined].includes(archive.byteOrder))
    mend('byteorder', container.byteOrder, 'is neither little nor big');
  return mended;
}

/** What is wrong with the record of the pickle beside the pickle, which is written anew in any case. */
function pickleFault({ archive, pickle, records }: Checkpoint): string | undefined {
  const isPickle = (name: string) => /(^|\/)data\.pkl$/i.test(name);
  const declared = records.find(({ name, outsideRoot }) => !outsideRoot && isPickle(name))?.crc32;
  // torch writes 0 where it was told to compute none
  if (declared && pickle?.crc32 !== undefined && pickle.crc32 !== declared)
    return 'does not match its CRC-32';
  return archive?.headerFaults.some(({ record }) => isPickle(record))
    ? 'has a header that contradicts the directory'
    : undefined;
}

async function fixesOf(checkpoint: Checkpoint): Promise<number> {
  const text = await textOf(checkpoint, UNDO_RECORD);
  return (text === undefined ? undefined : parseUndoRecord(text)?.fixes) ?? 0;
}

/** The text of a small record that is stored as it is. */
async function textOf({ records, source }: Checkpoint, record: string): Promise<string | undefined> {
  const found = records.find(({ name }) => name.toLowerCase() === record);
  if (found?.dataOffset == null || found.method !== 0 || found.size > LONGEST_UNDO_RECORD) return undefined;
  const range = { source, offset: found.dataOffset, length: found.size };
  return Buffer.from(await readSegment(range, LONGEST_UNDO_RECORD)).toString('latin1');
}
