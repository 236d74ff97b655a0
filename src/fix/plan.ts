import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { walkNodes } from '../checkpoint/walk.ts';
import { RefusedError } from '../io/errors.ts';
import { type EncodedPickle, encodePickle } from '../pickle/encoder.ts';
import { PyGlobal, PyTuple, type Value } from '../pickle/values.ts';
import type { ArchiveLayout } from '../zip/layout.ts';
import { Draft, type WrittenCheck } from './draft.ts';
import { loadInlineBytes } from './inline-bytes.ts';
import { toLittleEndian } from './little-endian.ts';
import { loadableForm } from './loadable.ts';
import type { Operation, OperationReport } from './operation.ts';
import { layoutOutput } from './output-layout.ts';

/** A storage as it will be written. */
export interface PlannedStorage {
  readonly storage: Storage;
  /** Its key in the output. */
  readonly key: string;
  readonly location: string;
}

/** A checkpoint after its operations: what the output will hold, whatever holds it. */
export interface Treatment {
  readonly checkpoint: Checkpoint;
  readonly operations: readonly OperationReport[];
  /** Names of the operations that gave storages other bytes. */
  readonly rewriting: readonly string[];
  readonly pickle: EncodedPickle;
  /** In the order of first use. */
  readonly storages: readonly PlannedStorage[];
  /** How many of them keep their bytes as they are. */
  readonly untouched: number;
  /** The tensors as they will be listed. */
  readonly tensors: readonly Tensor[];
  /** What is left out or mended on the way, in words. */
  readonly notes: readonly string[];
  /** To be called when every byte was written: what only the bytes could tell. */
  readonly checks: readonly WrittenCheck[];
}

/** What a fix will write, known to the byte before the first is written. */
export interface FixPlan extends Treatment {
  readonly layout: ArchiveLayout;
}

/**
 * Carries the operations out and lays out the archive that will hold the result, its storages in the order of first use.
 *
 * @throws RefusedError where an operation can't be done without loss, or the result can't be written; UnreadableError where records
 * of the source are missing or short.
 */
export async function planFix(checkpoint: Checkpoint, operations: readonly Operation[]): Promise<FixPlan> {
  return planArchive(await operateOnCopy(checkpoint, operations));
}

/** Lays out the archive of what the operations left. @throws as `planFix`. */
export async function planArchive(operated: Operated): Promise<FixPlan> {
  const treatment = await encodeOperated(operated, 'by-use');
  const { layout, notes } = await layoutOutput(treatment.checkpoint, treatment.pickle, treatment.storages);
  return { ...treatment, layout, notes: [...treatment.notes, ...notes] };
}

/** A checkpoint that its operations were carried out on, not yet in any form that a file has. */
export interface Operated {
  readonly draft: Draft;
  /** The storages that it had before. */
  readonly originals: ReadonlySet<Storage>;
  readonly operations: readonly OperationReport[];
  /** Names of the operations that gave storages other bytes. */
  readonly rewriting: readonly string[];
  /** What is left out or mended on the way, in words. */
  readonly notes: readonly string[];
}

/**
 * Carries the operations out for a file that is written anew: what torch.load can take, its numbers little-endian.
 * @throws as `planFix`.
 */
export async function operateOnCopy(
  checkpoint: Checkpoint,
  operations: readonly Operation[],
): Promise<Operated> {
  const loadable = await loadableForm(checkpoint);
  const operated = await operate(loadable.checkpoint, operations, 'by-use');
  return { ...operated, notes: [...loadable.notes, ...operated.notes] };
}

/**
 * Carries the operations out on the checkpoint's value graph. The checkpoint is taken over: its graph is that of the result from now
 * on.
 *
 * @param keys `by-use` numbers the storages by first use, as torch does; `kept` leaves each the key that its record has.
 * @throws as `planFix`.
 */
export async function treat(
  checkpoint: Checkpoint,
  operations: readonly Operation[],
  keys: 'by-use' | 'kept',
): Promise<Treatment> {
  return encodeOperated(await operate(checkpoint, operations, keys), keys);
}

async function operate(
  checkpoint: Checkpoint,
  operations: readonly Operation[],
  keys: 'by-use' | 'kept',
): Promise<Operated> {
  if (checkpoint.damage[0]) throw checkpoint.damage[0];
  if (checkpoint.omissions[0])
    throw new RefusedError(`${checkpoint.omissions[0]}; such a file is not rewritten`);
  const draft = new Draft(checkpoint);
  const originals = new Set(checkpoint.storages);
  // in place the bytes stay where and what they are
  const notes = keys === 'by-use' ? toLittleEndian(draft) : [];
  const reports: OperationReport[] = [];
  const rewriting: string[] = [];
  for (const operation of operations) {
    const before = draft.madeStorages;
    reports.push(await operation.apply(draft));
    if (draft.madeStorages > before) rewriting.push(operation.name);
  }
  // names may have changed without anything else
  draft.touch();
  return { draft, originals, operations: reports, rewriting, notes };
}

/**
 * How storages are named: `by-use` numbers them by first use, as torch does; `kept` leaves each the key that its record has; `legacy`
 * numbers them so that they are sorted as text, and names them as torch before 1.6 did, with a sixth item.
 */
export type StorageNaming = 'by-use' | 'kept' | 'legacy';

/** Pickles what the operations left. @throws RefusedError for what protocol 2 can't say. */
export async function encodeOperated(
  { draft, originals, operations, rewriting, notes }: Operated,
  keys: StorageNaming,
): Promise<Treatment> {
  const { checkpoint, checks } = draft;
  await loadInlineBytes(checkpoint.root);
  const { pickle, storages } = encode(draft, keys);
  const untouched = storages.filter(({ storage }) => originals.has(storage)).length;
  const { tensors } = checkpoint;
  return { checkpoint, operations, rewriting, pickle, storages, untouched, tensors, notes, checks };
}

function encode(draft: Draft, keys: StorageNaming): { pickle: EncodedPickle; storages: PlannedStorage[] } {
  const { root, storageOf } = draft.checkpoint;
  const planned = new Map<Storage, PlannedStorage>();
  const digits = keys === 'legacy' ? String(draft.checkpoint.storages.length).length : 1;
  const pickle = encodePickle(root, {
    globals: globalsOf(draft.checkpoint),
    persistentId(node) {
      const storage = storageOf.get(node);
      if (!storage) return node.id;
      let plan = planned.get(storage);
      if (!plan) {
        const key = keys === 'kept' ? storage.key : String(planned.size).padStart(digits, '0');
        plan = { storage, key, location: draft.locationOf(storage) };
        planned.set(storage, plan);
      }
      const id: Value[] = ['storage', storage.storageClass, plan.key, plan.location, storage.numel];
      // a view of another storage, which no torch since 0.4 writes
      if (keys === 'legacy') id.push(null);
      return new PyTuple(id);
    },
  });
  return { pickle, storages: [...planned.values()] };
}

function globalsOf(checkpoint: Checkpoint): ReadonlyMap<string, PyGlobal> {
  const globals = new Map<string, PyGlobal>();
  walkNodes(checkpoint.root, (node) => {
    if (node instanceof PyGlobal) globals.set(node.qualifiedName, node);
    return undefined;
  });
  return globals;
}
