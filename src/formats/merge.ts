import type { Checkpoint, GlobalUse } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { PickleFault, type RecordTrace } from '../pickle/trace.ts';
import type { PyPersistent } from '../pickle/values.ts';
import type { StorageTable } from './storage-table.ts';

/** A checkpoint that is one of several, and the name that tells its storages from those of the others. */
export interface Part {
  readonly name: string;
  readonly checkpoint: Checkpoint;
}

/** The storages of all parts in one table: storage `0` of the part `a.bin` is `a.bin/0`. */
export function mergeStorages(parts: readonly Part[]): StorageTable {
  const storages: Storage[] = [];
  const storageOf = new Map<PyPersistent, Storage>();
  for (const { name, checkpoint } of parts) {
    const renamed = new Map<Storage, Storage>();
    for (const storage of checkpoint.storages) {
      // an offset says nothing without the file that it counts in
      const own = { ...storage, key: `${name}/${storage.key}`, fileOffset: null };
      renamed.set(storage, own);
      storages.push(own);
    }
    for (const [node, storage] of checkpoint.storageOf) storageOf.set(node, renamed.get(storage) as Storage);
  }
  return { storages, storageOf, damage: parts.flatMap(({ checkpoint }) => checkpoint.damage) };
}

/** Every name that the pickles of the parts mention, in the order of first mention. */
export function mergeGlobals(parts: readonly Part[]): GlobalUse[] {
  const uses = new Map<string, GlobalUse>();
  for (const { checkpoint } of parts) {
    for (const use of checkpoint.globals) {
      const known = uses.get(use.name);
      uses.set(use.name, known ? { ...known, count: known.count + use.count } : use);
    }
  }
  return [...uses.values()];
}

/** What the pickles of all parts would do, each named with the part that it stands in. */
export function mergeTraces(parts: readonly Part[]): RecordTrace[] {
  return parts.flatMap(({ name, checkpoint }) => within(name, checkpoint.traces ?? []));
}

/** What the pickles of a part that can't be read had done by then. */
export function faultTraces(name: string, error: unknown): RecordTrace[] {
  return error instanceof PickleFault ? within(name, error.traces) : [];
}

function within(name: string, traces: readonly RecordTrace[]): RecordTrace[] {
  return traces.map((trace) => ({
    ...trace,
    record: trace.record === '' ? name : `${name}/${trace.record}`,
  }));
}
