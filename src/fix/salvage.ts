import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { eachChild } from '../checkpoint/children.ts';
import { pathName } from '../checkpoint/path.ts';
import { placesOf, removeSlots, type Slot } from '../checkpoint/places.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { pathOf, walkNodes } from '../checkpoint/walk.ts';
import { bytesAmount } from '../diagnose/amounts.ts';
import { diagnose, diagnoseFailure } from '../diagnose/engine.ts';
import type { Finding } from '../diagnose/finding.ts';
import { counted, listed } from '../diagnose/wording.ts';
import { openCheckpoint } from '../formats/open.ts';
import { RefusedError, type UnreadableCode, UnreadableError } from '../io/errors.ts';
import { openFile } from '../io/file-source.ts';
import { isRange } from '../io/segment.ts';
import { sliceSegment } from '../io/slice.ts';
import { PyPersistent } from '../pickle/values.ts';
import { Draft } from './draft.ts';
import type { OperationReport } from './operation.ts';

/** A tensor, or a storage that was saved by itself, whose bytes are not all there. */
export interface Lost {
  readonly name: string;
  /** That it had. */
  readonly bytes: number;
}

/** What is whole of a damaged checkpoint. */
export interface Salvaged {
  /** Nothing of it is damaged any more. Close it when done. */
  readonly checkpoint: Checkpoint;
  /** What is found in the damaged file. */
  readonly findings: readonly Finding[];
  readonly report: OperationReport;
  readonly lost: readonly Lost[];
}

/** Names of lost tensors that a note lists; the document has all. */
const NAMED = 20;
/** Kinds of damage that a report tells besides. */
const TOLD = 5;
/** Errors that say that bytes are not what they were. */
const DAMAGE = new Set<UnreadableCode>([
  'truncated',
  'bad-archive',
  'bad-pickle',
  'missing-record',
  'short-record',
]);
const ZIP = Buffer.from('PK\x03\x04', 'latin1');

/**
 * Opens a damaged checkpoint and leaves out what is not whole: a tensor in a mapping goes with its key, one in a list or tuple becomes
 * None, so that the others stay where they are. Of a storage that is cut the tensors are kept that end before the cut.
 *
 * @throws RefusedError where nothing is whole, what names the tensors is damaged itself, or a fix in place was interrupted; and what
 * `openCheckpoint` throws for a file that can't be had.
 */
export async function salvage(input: string): Promise<Salvaged> {
  const { checkpoint, findings } = await openDamaged(input);
  try {
    return { ...wholeOf(checkpoint), findings };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

async function openDamaged(input: string): Promise<{ checkpoint: Checkpoint; findings: Finding[] }> {
  let damage: UnreadableError;
  try {
    const checkpoint = await openCheckpoint(input);
    return (await openBetter(checkpoint)) ?? { checkpoint, findings: diagnose(checkpoint) };
  } catch (error) {
    if (!(error instanceof UnreadableError && DAMAGE.has(error.code))) throw error;
    damage = error;
  }
  const source = await openFile(input);
  try {
    const isZip = source.size >= ZIP.length && ZIP.equals(await source.read(0, ZIP.length));
    if (!isZip) throw damage;
    const { openRecoveredArchive } = await import('../formats/recovered-archive.ts');
    const checkpoint = await openRecoveredArchive(source, input);
    return { checkpoint, findings: [...diagnoseFailure(damage), ...diagnose(checkpoint)] };
  } catch (error) {
    await source.close?.();
    if (!(error instanceof UnreadableError)) throw error;
    throw new RefusedError(`nothing can be salvaged: ${error.message}`);
  }
}

/** Where the directory leads to less than the local headers do, it is the directory that is damaged. */
async function openBetter(
  checkpoint: Checkpoint,
): Promise<{ checkpoint: Checkpoint; findings: Finding[] } | undefined> {
  const { container, damage, source, path, fileSize } = checkpoint;
  if (container.kind !== 'torch-zip' || damage.length === 0 || fileSize !== undefined) return undefined;
  if (damage[0]?.code === 'interrupted') return undefined;
  const { openRecoveredArchive } = await import('../formats/recovered-archive.ts');
  const other = await openRecoveredArchive(source, path).catch((error: unknown) => {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  });
  if (!other || other.tensors.filter(isWhole).length <= checkpoint.tensors.filter(isWhole).length)
    return undefined;
  return { checkpoint: other, findings: [...diagnose(checkpoint), ...diagnose(other)] };
}

function wholeOf(checkpoint: Checkpoint): Omit<Salvaged, 'findings'> {
  const { damage } = checkpoint;
  if (damage[0]?.code === 'interrupted') throw damage[0];
  const before = checkpoint.tensors.length;
  const lostTensors = checkpoint.tensors.filter((tensor) => !isWhole(tensor));
  const draft = new Draft({ ...checkpoint, damage: [] });
  const { bare, emptied } = takeOut(checkpoint, lostTensors);
  draft.touch();
  const lost = [...lostTensors.map(({ name, bytes }) => ({ name, bytes })), ...bare];
  // a tensor that is the root can't be taken out of anything
  const nothing = lostTensors.length === before || draft.checkpoint.tensors.length === 0;
  if (before > 0 && nothing) {
    throw new RefusedError(
      `nothing can be salvaged: none of ${counted(before, 'tensor')} is whole${damage[0] ? ` (${damage[0].message})` : ''}`,
    );
  }
  const cut = new Map(
    draft.checkpoint.storages
      .filter((storage) => available(storage) < storage.bytes)
      .map((storage) => [storage, cutStorage(storage)]),
  );
  if (cut.size > 0) draft.replaceStorages(cut);
  const report = reportOf(draft.checkpoint, before, lost, emptied, damage);
  return { checkpoint: draft.checkpoint, report, lost };
}

function reportOf(
  checkpoint: Checkpoint,
  before: number,
  lost: readonly Lost[],
  emptied: number,
  damage: readonly UnreadableError[],
): OperationReport {
  const kept = checkpoint.tensors.length;
  const notes: string[] = [];
  if (lost.length > 0) {
    const bytes = lost.reduce((sum, each) => sum + each.bytes, 0);
    const names = lost.map(({ name }) => name);
    notes.push(`lost: ${listed(names, NAMED)} (${bytesAmount(bytes)})`);
    if (emptied > 0) notes.push(`${counted(emptied, 'place')} in lists and tuples hold None now`);
  } else if (damage.length === 0) notes.push('every tensor is whole: nothing is lost');
  else notes.push('every tensor is whole');
  // where files are missing, the tensors in them are in no list
  if (checkpoint.sharding) notes.push(...damage.slice(0, TOLD).map(({ message }) => message));
  return { name: 'salvage', affected: kept, noun: `of ${before} tensors saved`, notes };
}

/** Bytes of a storage that are there. */
function available({ content, bytes }: Storage): number {
  return Math.min(bytes, content?.length ?? 0);
}

function isWhole(tensor: Tensor): boolean {
  const { storage, elements, kind, parts, shape, stride, storageOffset, dtype } = tensor;
  if (!parts.every(isWhole)) return false;
  if (!storage) return kind === 'meta' || parts.length > 0;
  if (elements === 0) return true;
  const last = shape.reduce((sum, size, dim) => sum + (size - 1) * (stride[dim] ?? 0), storageOffset);
  return Math.ceil(((last + 1) * dtype.itemSize) / (dtype.valuesPerByte ?? 1)) <= available(storage);
}

/** Takes lost tensors, and lost storages that were saved by themselves, out of what holds them. */
function takeOut(checkpoint: Checkpoint, lostTensors: readonly Tensor[]): { bare: Lost[]; emptied: number } {
  const lost = new Set(lostTensors.map(({ node }) => node));
  const slots = new Map<unknown, Map<number, Slot>>();
  const note = (slot: Slot): void => {
    const known = slots.get(slot.held);
    if (known) known.set(slot.index, slot);
    else slots.set(slot.held, new Map([[slot.index, slot]]));
  };
  for (const { tensor, slot } of placesOf(checkpoint)) if (slot && lost.has(tensor.node)) note(slot);
  const bare: Lost[] = [];
  walkNodes(
    checkpoint.root,
    (node, place) => {
      eachChild(node, (child, segment, held, index, keys) => {
        const storage = child instanceof PyPersistent ? checkpoint.storageOf.get(child) : undefined;
        if (!storage || !held || index === undefined || available(storage) === storage.bytes) return;
        bare.push({ name: pathName([...pathOf(place), segment]), bytes: storage.bytes });
        note({ held, index, keys });
      });
      return undefined;
    },
    new Set(checkpoint.tensors.map(({ node }) => node)),
  );
  const all = [...slots.values()].flatMap((each) => [...each.values()]);
  const apart = all.filter(({ keys }) => !keys);
  for (const { held, index } of apart) held[index] = null;
  removeSlots(all.filter(({ keys }) => keys));
  return { bare, emptied: apart.length };
}

/** As much of a storage as is there: whole elements. */
function cutStorage(storage: Storage): Storage {
  const unit = storage.dtype?.itemSize ?? 1;
  const bytes = Math.floor(available(storage) / unit) * unit;
  const content = storage.content && sliceSegment(storage.content, 0, bytes);
  return {
    ...storage,
    numel: bytes / unit,
    bytes,
    content,
    fileOffset: content && isRange(content) ? storage.fileOffset : null,
    crc32: undefined,
  };
}
