import type { Storage } from '../../checkpoint/storage.ts';
import type { Tensor } from '../../checkpoint/tensor.ts';
import { bytesAmount } from '../../diagnose/amounts.ts';
import { counted, listed } from '../../diagnose/wording.ts';
import { MOST_SHARDS } from '../../formats/sharded-index.ts';
import { RefusedError } from '../../io/errors.ts';
import { callableName, PyDict, PyObject, type Value } from '../../pickle/values.ts';
import type { OperationReport } from '../operation.ts';
import { type Operated, planArchive } from '../plan.ts';
import { ORDERED_DICT, orderedDict } from '../python-values.ts';
import { archiveFile } from './archive.ts';
import { flatTensors } from './flat-tensors.ts';
import { planLegacy } from './legacy.ts';
import type { OutputFilePlan, OutputForm, OutputPlan } from './output.ts';
import { safetensorsContent, safetensorsFile } from './safetensors.ts';
import { compareNames } from './safetensors-tensors.ts';

/** Tensors that have to stand in one file, and the bytes that they take together. */
interface Group {
  readonly tensors: Tensor[];
  bytes: number;
}

/**
 * Plans a checkpoint that is spread over files of at most so many bytes of tensors, and the index that leads to them, as
 * transformers and huggingface_hub write them. Tensors that share a storage stay in one file; one that is larger than the limit gets a
 * file of its own. What fits into one file gets no index.
 *
 * @throws RefusedError where the root is no dict of tensors, the form can't hold them, or there would be too many files.
 */
export async function planShards(operated: Operated, form: OutputForm, limit: number): Promise<OutputPlan> {
  const { draft, operations, notes } = operated;
  const groups: Group[] = [];
  const reports: OperationReport[] = [];
  const told: string[] = [];
  const files: OutputFilePlan[] = [];
  let pieces = 0;
  let untouched: number | undefined;
  let shards: Group[];
  if (form === 'safetensors') {
    const content = safetensorsContent(draft.checkpoint);
    groups.push(...content.tensors.map((tensor) => ({ tensors: [tensor], bytes: tensor.bytes })));
    reports.push({
      name: 'to safetensors',
      affected: content.tensors.length,
      noun: 'tensors',
      notes: content.notes,
    });
    pieces = content.tensors.length;
    shards = fill(groups, limit);
    files.push(...shards.map(({ tensors }) => safetensorsFile(content, tensors)));
  } else {
    const { tensors, others } = flatTensors(draft.checkpoint, 'a checkpoint in several files');
    groups.push(...groupsOf(tensors));
    shards = fill(groups, limit);
    if (others.length > 0 && shards.length > 1)
      told.push(
        `what is no tensor is left out: ${listed(
          others.map(({ name }) => name),
          6,
        )}`,
      );
    const { root } = draft.checkpoint;
    for (const shard of shards) {
      // what fits into one file is written as without a limit
      if (shards.length > 1) draft.setRoot(dictOf(shard, root));
      const { file, storages } = await fileOf(operated, form);
      files.push(file);
      pieces += storages.length;
      untouched = (untouched ?? 0) + storages.filter(({ storage }) => operated.originals.has(storage)).length;
    }
  }
  const summary = {
    notes,
    checks: draft.checks,
    pieces,
    noun: form === 'safetensors' ? ('tensor' as const) : ('storage' as const),
    ...(untouched !== undefined && { untouched }),
    files,
  };
  const report = shardReport(limit, shards, told);
  const operationsDone = [...operations, ...reports, report];
  return shards.length === 1
    ? { ...summary, operations: operationsDone }
    : { ...summary, operations: operationsDone, index: { text: (names) => indexText(shards, names) } };
}

async function fileOf(operated: Operated, form: OutputForm) {
  const own = { ...operated, operations: [], notes: [] };
  if (form === 'torch-legacy') return planLegacy(own);
  const plan = await planArchive(own);
  return { file: archiveFile(plan), storages: plan.storages };
}

/** A part of the root, of its class where that is the one of state_dicts, with what `Module.state_dict()` says of the modules. */
function dictOf({ tensors }: Group, root: Value): Value {
  const keys: Value[] = tensors.map(({ name }) => name);
  const values: Value[] = tensors.map(({ node }) => node);
  if (!(root instanceof PyObject) || callableName(root) !== ORDERED_DICT) return new PyDict(keys, values);
  const dict = orderedDict(keys, values);
  dict.effects?.push(...(root.effects ?? []).filter(({ op }) => op === 'build'));
  return dict;
}

/** Tensors whose storages hang together, in the order of the first of each group. */
function groupsOf(tensors: readonly Tensor[]): Group[] {
  const groupOf = new Map<Storage, Group>();
  const groups = new Set<Group>();
  for (const tensor of tensors) {
    const storages = storagesOf(tensor);
    const met = new Set(storages.flatMap((storage) => groupOf.get(storage) ?? []));
    const [first = { tensors: [], bytes: 0 }, ...rest] = met;
    groups.add(first);
    for (const storage of new Set(storages)) {
      if (!groupOf.has(storage)) first.bytes += storage.bytes;
      groupOf.set(storage, first);
    }
    first.tensors.push(tensor);
    for (const other of rest) {
      first.tensors.push(...other.tensors);
      first.bytes += other.bytes;
      groups.delete(other);
      for (const [storage, group] of groupOf) if (group === other) groupOf.set(storage, first);
    }
  }
  return [...groups];
}

/** A sparse or nested tensor has its storages in its parts. */
function storagesOf({ storage, parts }: Tensor): Storage[] {
  return [...(storage ? [storage] : []), ...parts.flatMap(storagesOf)];
}

/** Fills one file after the other, in order. */
function fill(groups: readonly Group[], limit: number): Group[] {
  const shards: Group[] = [];
  for (const { tensors, bytes } of groups) {
    const last = shards.at(-1);
    if (last && last.bytes + bytes <= limit) {
      for (const tensor of tensors) last.tensors.push(tensor);
      last.bytes += bytes;
    } else shards.push({ tensors: [...tensors], bytes });
  }
  if (shards.length > MOST_SHARDS) {
    throw new RefusedError(
      `files of at most ${bytesAmount(limit)} would be ${shards.length}, more than the limit of ${MOST_SHARDS}; give a larger --shard-size`,
    );
  }
  return shards;
}

function shardReport(limit: number, shards: readonly Group[], told: readonly string[]): OperationReport {
  const large = shards.filter(({ bytes }) => bytes > limit).length;
  const notes = [...told];
  if (shards.length === 1) notes.push('everything fits into one file, which needs no index');
  if (large > 0)
    notes.push(
      `${counted(large, 'file')} larger than that: a tensor, or tensors that share a storage, are not parted`,
    );
  return {
    name: `shard-size ${bytesAmount(limit)}`,
    affected: shards.length,
    noun: shards.length === 1 ? 'file' : 'files',
    notes,
  };
}

/** As transformers writes it: two spaces, keys sorted. */
function indexText(shards: readonly Group[], names: readonly string[]): string {
  const places = shards.flatMap(({ tensors }, index) =>
    tensors.map(({ name }) => [name, names[index] as string] as const),
  );
  places.sort(([a], [b]) => compareNames(a, b));
  const size = shards.reduce((sum, { bytes }) => sum + bytes, 0);
  const index = { metadata: { total_size: size }, weight_map: Object.fromEntries(places) };
  return `${JSON.stringify(index, null, 2)}\n`;
}
