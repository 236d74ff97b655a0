import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { ByteSink } from '../../io/byte-sink.ts';
import type { WriteOptions } from '../../zip/writer.ts';
import type { WrittenCheck } from '../draft.ts';
import type { OperationReport } from '../operation.ts';
import type { VerifyLevel } from '../verify.ts';

/** What a file of the output is: a zip archive of torch.save, a safetensors file, or what torch.save wrote before 1.6. */
export const OUTPUT_FORMS = ['torch', 'safetensors', 'torch-legacy'] as const;

export type OutputForm = (typeof OUTPUT_FORMS)[number];

/** What a fix does to a checkpoint, for a report. */
export interface FixSummary {
  readonly operations: readonly OperationReport[];
  /** What is left out or mended on the way, in words. */
  readonly notes: readonly string[];
  /** How many storages are written, or tensors where the output knows no storages. */
  readonly pieces: number;
  readonly noun: 'storage' | 'tensor';
  /** How many of the storages keep their bytes as they are; left out where tensors are counted. */
  readonly untouched?: number;
}

/** A file as it will be written, known to the byte before the first is. */
export interface OutputFilePlan {
  readonly size: number;
  /**
   * Writes the file from its start on.
   * @returns the keys of storages whose bytes don't match the checksum that the source keeps of them.
   * @throws UnreadableError where the source no longer gives the bytes; RefusedError where the sink does not take them.
   */
  write(sink: ByteSink, options: WriteOptions): Promise<readonly string[]>;
  /** Holds the file, opened again, against the plan. @throws RefusedError that says what differs. */
  verify(written: Checkpoint, level: VerifyLevel): Promise<void>;
}

/** What leads to the files of a checkpoint that is spread over several. */
export interface ShardIndex {
  /** @param names Of the files, in their order. */
  text(names: readonly string[]): string;
}

/** What a fix that writes anew will write. */
export interface OutputPlan extends FixSummary {
  /** One, where there is no index. */
  readonly files: readonly OutputFilePlan[];
  readonly index?: ShardIndex;
  /** To be called when every byte was written: what only the bytes could tell. */
  readonly checks: readonly WrittenCheck[];
}
