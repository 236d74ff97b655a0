import type { Finding } from '../diagnose/finding.ts';
import type { FixResult } from '../fix/fix.ts';
import { cutSubjects, type InspectOptions } from './inspect-document.ts';

export const FIX_SCHEMA = 'ckpt-doctor/fix/1';

/** `fix --format json`. */
export interface FixDocument {
  readonly schema: typeof FIX_SCHEMA;
  readonly input: string;
  readonly output: string;
  /** Where the output is several files: all of them, the index last. `output` is the index. */
  readonly files?: readonly string[];
  readonly mode: 'copy' | 'append';
  /** True where only the plan was made: nothing was written. */
  readonly dryRun: boolean;
  readonly operations: readonly {
    readonly name: string;
    readonly affected: number;
    readonly notes: readonly string[];
  }[];
  /** What was left out or mended on the way. */
  readonly notes: readonly string[];
  /** With `--salvage`: the tensors that were not whole and are left out, with the bytes that they had. */
  readonly lost?: readonly { readonly name: string; readonly bytes: number }[];
  readonly findingsBefore: readonly Finding[];
  readonly findingsAfter: readonly Finding[];
  readonly verified: boolean;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export function fixDocument(
  result: FixResult,
  options: InspectOptions & { readonly dryRun?: boolean } = {},
): FixDocument {
  const { input, output, mode, plan, findingsBefore, findingsAfter, verified, bytesIn, bytesOut } = result;
  return {
    schema: FIX_SCHEMA,
    input,
    output,
    ...(result.files.length > 1 && { files: result.files }),
    mode,
    dryRun: options.dryRun ?? false,
    operations: plan.operations.map(({ name, affected, notes }) => ({ name, affected, notes })),
    notes: [...plan.notes, ...result.corrupted.map((key) => `data/${key} does not match its CRC-32`)],
    ...(result.lost && { lost: result.lost }),
    findingsBefore: cutSubjects(findingsBefore, options),
    findingsAfter: cutSubjects(findingsAfter, options),
    verified,
    bytesIn,
    bytesOut,
  };
}
