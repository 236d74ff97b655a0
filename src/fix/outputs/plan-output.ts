import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Operation } from '../operation.ts';
import { operateOnCopy, planFix } from '../plan.ts';
import { archiveFile } from './archive.ts';
import type { OutputForm, OutputPlan } from './output.ts';

/**
 * Carries the operations out and plans the file that will hold the result.
 * @throws as `planFix`; and RefusedError where the form can't hold the result.
 */
export async function planOutput(
  checkpoint: Checkpoint,
  operations: readonly Operation[],
  form: OutputForm,
): Promise<OutputPlan> {
  if (form === 'torch') {
    const plan = await planFix(checkpoint, operations);
    return { ...plan, pieces: plan.storages.length, noun: 'storage', file: archiveFile(plan) };
  }
  const operated = await operateOnCopy(checkpoint, operations);
  if (form === 'torch-legacy') {
    const { planLegacy } = await import('./legacy.ts');
    const plan = await planLegacy(operated);
    return { ...plan, pieces: plan.storages.length, noun: 'storage' };
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
    file: safetensorsFile(content, content.tensors),
  };
}
