import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { checkDeadline } from '../io/deadline.ts';
import { type UnreadableCode, UnreadableError } from '../io/errors.ts';
import { openFile } from '../io/file-source.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import { detect } from './detect.ts';
import { faultTraces, mergeTraces } from './merge.ts';
import { openSource } from './open.ts';
import { noted, unsearched } from './stacked.ts';

/** Files beside a checkpoint that are looked at; that there are more is told. */
const MOST_FILES = 4096;
/** Containers without a pickle. */
const INERT: readonly string[] = ['safetensors', 'sharded-index'];
/** What says of a file that nobody would load a pickle from it: it is another thing, a folder, a pipe, gone. */
const NO_PICKLE: readonly UnreadableCode[] = [
  'not-a-checkpoint',
  'unsupported',
  'missing-record',
  'empty',
  'is-directory',
  'not-found',
];

/**
 * A checkpoint of a folder, with what the pickles of all other files of that folder would do: whoever gets the folder loads those too,
 * optimizer states, arguments of a training and the like. Which files are pickles their bytes tell, not their names.
 *
 * @param opened Names of the files that the checkpoint was read from.
 */
export async function withStrays(
  checkpoint: Checkpoint,
  folder: string,
  opened: readonly string[],
): Promise<Checkpoint> {
  try {
    const strays = await sweepFolder(folder, new Set(opened));
    return strays.length > 0
      ? { ...checkpoint, traces: [...(checkpoint.traces ?? []), ...strays] }
      : checkpoint;
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

async function sweepFolder(folder: string, opened: ReadonlySet<string>): Promise<RecordTrace[]> {
  const names = (await readdir(folder)).filter((name) => !opened.has(name)).sort();
  const traces: RecordTrace[] = [];
  for (const name of names.slice(0, MOST_FILES)) {
    checkDeadline();
    traces.push(...(await fileTraces(join(folder, name), name)));
  }
  if (names.length > MOST_FILES)
    traces.push(noted('unsearched', `${names.length - MOST_FILES} more files of the folder`, 0));
  return traces;
}

/** One that can't be read to its end is told: nobody knows what else it would do. */
async function fileTraces(path: string, name: string): Promise<readonly RecordTrace[]> {
  try {
    const source = await openFile(path);
    try {
      if (INERT.includes(await detect(source))) return [];
      const checkpoint = await openSource(source, path);
      const traces = mergeTraces([{ name, checkpoint }]);
      return [...traces, ...checkpoint.damage.slice(0, 1).map(({ message }) => unsearched(name, message))];
    } finally {
      await source.close?.();
    }
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    const traces = faultTraces(name, error);
    return NO_PICKLE.includes(error.code) ? traces : [...traces, unsearched(name, error.message)];
  }
}
