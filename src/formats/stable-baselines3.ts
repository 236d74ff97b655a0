import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { PyDict } from '../pickle/values.ts';
import type { Archive } from './archive.ts';
import { assembleCheckpoint } from './assemble.ts';
import { mergeGlobals, mergeStorages, mergeTraces, type Part } from './merge.ts';
import { checkpointFiles, type InnerFile, type OpenInner, openInnerFile } from './unpack.ts';

/** Whether the files of a zip archive are those that stable-baselines3 saves of a model (`save_util.save_to_zip_file`). */
export function isStableBaselines3(files: readonly InnerFile[]): boolean {
  const names = new Set(files.map(({ name }) => name));
  return names.has('data') && (names.has('_stable_baselines3_version') || names.has('policy.pth'));
}

/**
 * Opens what stable-baselines3 saves: a zip archive with JSON about the agent and one torch.save file for the policy, for each
 * optimizer and for other variables. They are read as one checkpoint, a key each, named as the files are.
 *
 * @throws UnreadableError where one of the files can't be read.
 */
export async function openStableBaselines3(
  archive: Archive,
  files: readonly InnerFile[],
  path: string,
  open: OpenInner,
): Promise<Checkpoint> {
  const parts: Part[] = [];
  for (const file of checkpointFiles(files)) {
    parts.push({ name: file.name, checkpoint: await openInnerFile(file, open) });
  }
  const root = new PyDict(
    parts.map(({ name }) => name),
    parts.map(({ checkpoint }) => checkpoint.root),
  );
  const checkpoint = assembleCheckpoint({
    path,
    source: archive.source,
    container: {
      kind: 'torch-zip',
      byteOrder: 'little',
      entries: archive.entries.length,
      era: `stable-baselines3, ${parts.length} torch.save files in one archive`,
    },
    root,
    table: mergeStorages(parts),
    traces: mergeTraces(parts),
    loadable: async () => ({
      root,
      notes: [
        'the files of the stable-baselines3 archive become the keys of one checkpoint, which stable-baselines3 itself does not load',
      ],
    }),
  });
  return { ...checkpoint, globals: mergeGlobals(parts) };
}
