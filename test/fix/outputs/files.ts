import type { Checkpoint } from '../../../src/checkpoint/checkpoint.ts';
import type { OutputFilePlan, OutputForm, OutputPlan } from '../../../src/fix/outputs/output.ts';
import { planOutput } from '../../../src/fix/outputs/plan-output.ts';
import { type FixSteps, operationsOf } from '../../../src/fix/steps.ts';
import { openSource } from '../../../src/formats/open.ts';
import { MemorySource } from '../../../src/io/byte-source.ts';
import { MemorySink } from '../../zip/memory-sink.ts';

export interface Written {
  readonly plan: OutputPlan;
  /** What was written, read back. */
  readonly output: Checkpoint;
  readonly bytes: Buffer;
}

/** Plans, writes into memory, reads back, and holds every byte against the plan, as a fix does. */
export async function writeAs(
  form: OutputForm,
  checkpoint: Checkpoint,
  steps: FixSteps = {},
): Promise<Written> {
  const plan = await planOutput(checkpoint, operationsOf(steps), form);
  const [file] = plan.files as [OutputFilePlan];
  const sink = new MemorySink(file.size);
  await file.write(sink, {});
  for (const check of plan.checks) check();
  const output = await openSource(new MemorySource(sink.bytes));
  await file.verify(output, 'full');
  return { plan, output, bytes: Buffer.from(sink.bytes) };
}

/** The header of a safetensors file, and where its data begins. */
export function safetensorsHeader(bytes: Buffer): {
  header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> & {
    __metadata__: Record<string, string>;
  };
  dataOffset: number;
} {
  const dataOffset = 8 + Number(bytes.readBigUInt64LE(0));
  return { header: JSON.parse(bytes.toString('utf8', 8, dataOffset)), dataOffset };
}
