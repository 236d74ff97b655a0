import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Operation } from '../operation.ts';
import { operateOnCopy, planFix } from '../plan.ts';
import { archiveFile } from './archive.ts';
import type { OutputForm, OutputPlan } from './output.ts';

/**
 * Carries the operations out and plans the file that will hold the result, or the files.
 *
 * @param shardSize Bytes of tensors that a file may hold at most; one file holds all where it is left out.
 * @throws as `planFix`; and RefusedError where the form can't hold the result.
 */
export async function planOutput(
  checkpoint: Checkpoint,
  operations: readonly Operation[],
  form: OutputForm,
  shardSize?: number,
): Promise<OutputPlan> {
  if (shardSize !== undefined) {
    const { planShards } = await import('./shards.ts');
    // records that somebody added to an archive belong to no shard
    return planShards(await operateOnCopy({ ...checkpoint, records: [] }, operations), form, shardSize);
  }
  if (form === 'torch') {
    const plan = await planFix(checkpoint, operations);
    return { ...plan, pieces: plan.storages.length, noun: 'storage', files: [archiveFile(plan)] };
  }
  const operated = await operateOnCopy(checkpoint, operations);
  if (form === 'torch-legacy') {
    const { planLegacy } = await import('./legacy.ts');
    const plan = await planLegacy(operated);
    return { ...plan, pieces: plan.storages.length, noun: 'storage', files: [plan.file] };
  }
  const { safetensorsContent, safetensorsFile } = await import('./safetensors.ts');
  const content = safetensorsContent(operated.draft.checkpoint);
  return {
    operations: [
      ...operated.operations,
      { name: 'to safetensors', affected: content.tensors.length, noun: 'tensors', notes: content.notes },
    ],
    notes: operated.notes,
    checks: operated.draft.checks,
    pieces: content.tensors.length,
    noun: 'tensor',
    files: [safetensorsFile(content, content.tensors)],
  };
}
