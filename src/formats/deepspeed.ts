import { readdir } from 'node:fs/promises';
import type { Checkpoint, CheckpointFile } from '../checkpoint/checkpoint.ts';
import { UnreadableError } from '../io/errors.ts';
import { lookup, PyDict, type Value } from '../pickle/values.ts';
import { assembleCheckpoint } from './assemble.ts';
import { FolderFiles } from './folder-files.ts';
import { mergeGlobals, mergeStorages, mergeTraces, type Part } from './merge.ts';
import { openSource } from './open.ts';
import { retold } from './retold.ts';
import { withStrays } from './sweep-folder.ts';

const MODEL = /^(?:zero_pp_rank_(\d+)_)?mp_rank_(\d+)_model_states\.pt$/;
const OPTIMIZER = /^(?:bf16_|fp16_)?zero_pp_rank_(\d+)_mp_rank_(\d+)_optim_states\.pt$/;
/** More ranks than anyone has; the number comes from a file. */
const MOST_RANKS = 100_000;

/** Whether a file is one of those that DeepSpeed's ZeRO writes for each rank. */
export function isDeepspeedFile(name: string): boolean {
  return MODEL.test(name) || OPTIMIZER.test(name);
}

/** What the names of the files tell. */
interface Layout {
  /** Files with the weights, or with placeholders of them (stage 3). */
  readonly models: readonly string[];
  readonly optimizers: readonly string[];
  /** Each rank has a model file of its own: ZeRO stage 3. */
  readonly stage3: boolean;
  readonly dataRanks: number;
  readonly modelRanks: number;
}

/**
 * Opens a folder of a DeepSpeed ZeRO checkpoint: the model states of the first data-parallel rank, which up to stage 2 are the whole
 * model. Which files of other ranks are missing stands in `sharding`; what the pickles of all of them would do stands in `traces`.
 *
 * @param folder The folder of one tag (`global_step100`).
 * @param path What reports call the checkpoint.
 * @throws UnreadableError where the model states can't be read.
 */
export async function openDeepspeed(folder: string, path: string): Promise<Checkpoint> {
  const names = (await readdir(folder)).filter(isDeepspeedFile).sort();
  const layout = layoutOf(names);
  // data-parallel ranks hold the same weights, model-parallel ranks each their part
  const wanted = layout.models.filter((name) => Number(MODEL.exec(name)?.[1] ?? 0) === 0);
  if (wanted.length === 0) {
    throw new UnreadableError(
      'missing-record',
      `is a DeepSpeed ZeRO folder with ${layout.optimizers.length} optimizer shards, but without mp_rank_00_model_states.pt; copy the whole folder again`,
    );
  }
  const files = new FolderFiles(folder);
  try {
    const parts: Part[] = [];
    for (const name of wanted) parts.push(await openPart(files, name, path));
    const first = parts[0] as Part;
    const ranks = {
      data: ranksOf(first, 'dp_world_size', layout.dataRanks),
      model: ranksOf(first, 'mp_world_size', layout.modelRanks),
    };
    const listing = await filesOf(names, expectedFiles(layout, ranks), files);
    const root =
      parts.length === 1
        ? first.checkpoint.root
        : new PyDict(
            wanted.map((name) => name.replace(/_model_states\.pt$/, '')),
            parts.map(({ checkpoint }) => checkpoint.root),
          );
    const checkpoint = assembleCheckpoint({
      path,
      source: first.checkpoint.source,
      container: { ...first.checkpoint.container, folder: 'DeepSpeed ZeRO folder' },
      root,
      table: mergeStorages(parts),
      traces: mergeTraces(parts),
      sharding: { files: listing, lostKeys: [], repeatedKeys: [], unlistedKeys: [] },
      annotations: new PyDict(['deepspeed'], [summary(layout, ranks, wanted)]),
      closeAlso: [...parts.map((part) => part.checkpoint), files],
    });
    const told = {
      ...checkpoint,
      globals: mergeGlobals(parts),
      ...(first.checkpoint.pickle && { pickle: first.checkpoint.pickle }),
    };
    return await withStrays(told, folder, wanted);
  } catch (error) {
    await files.close();
    throw error;
  }
}

function layoutOf(names: readonly string[]): Layout {
  const models = names.filter((name) => MODEL.test(name));
  const optimizers = names.filter((name) => OPTIMIZER.test(name));
  const matches = [
    ...models.map((name) => MODEL.exec(name)),
    ...optimizers.map((name) => OPTIMIZER.exec(name)),
  ];
  const ranks = (group: 1 | 2) => Math.max(0, ...matches.map((match) => Number(match?.[group] ?? 0))) + 1;
  return {
    models,
    optimizers,
    stage3: models.some((name) => MODEL.exec(name)?.[1] !== undefined),
    dataRanks: ranks(1),
    modelRanks: ranks(2),
  };
}

async function openPart(files: FolderFiles, name: string, path: string): Promise<Part> {
  const source = await files.open(name);
  try {
    return { name, checkpoint: await openSource(source, path) };
  } catch (error) {
    if (error instanceof UnreadableError)
      throw retold(error, `${name} in it: ${error.message}`, error.offset);
    throw error;
  }
}

/** The number of ranks that the model states tell, or as many as there are files. */
function ranksOf({ checkpoint }: Part, key: string, seen: number): number {
  const told = lookup(checkpoint.root, key);
  return typeof told === 'number' && told >= seen && told <= MOST_RANKS ? told : seen;
}

interface Ranks {
  readonly data: number;
  readonly model: number;
}

/** The names that a complete checkpoint has, spelled as those that are there. */
function expectedFiles({ models, optimizers, stage3 }: Layout, ranks: Ranks): string[] {
  const expected: string[] = [];
  const digits = MODEL.exec(models[0] ?? '')?.[2]?.length ?? 2;
  const prefix = /^(bf16_|fp16_)?/.exec(optimizers[0] ?? '')?.[0] ?? '';
  for (let model = 0; model < ranks.model; model++) {
    const mp = `mp_rank_${String(model).padStart(digits, '0')}`;
    if (!stage3) expected.push(`${mp}_model_states.pt`);
    for (let data = 0; data < ranks.data; data++) {
      if (stage3) expected.push(`zero_pp_rank_${data}_${mp}_model_states.pt`);
      if (optimizers.length > 0) expected.push(`${prefix}zero_pp_rank_${data}_${mp}_optim_states.pt`);
    }
  }
  return expected;
}

async function filesOf(
  names: readonly string[],
  expected: readonly string[],
  files: FolderFiles,
): Promise<CheckpointFile[]> {
  for (const name of new Set([...names, ...expected])) await files.file(name);
  return files.listing();
}

function summary({ stage3, optimizers }: Layout, ranks: Ranks, opened: readonly string[]): PyDict {
  const facts: [string, Value][] = [
    ['zero_stage', stage3 ? '3' : optimizers.length > 0 ? '1 or 2' : '0'],
    ['data_parallel_ranks', ranks.data],
    ['model_parallel_ranks', ranks.model],
    ['opened', opened.join(', ')],
  ];
  return new PyDict(
    facts.map(([key]) => key),
    facts.map(([, value]) => value),
  );
}
