import type { OutputStream } from '../../src/cli/output.ts';
import { runProgram } from '../../src/cli/program.ts';

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A stream in memory, that is no terminal unless it is told so. */
export class MemoryStream implements OutputStream {
  text = '';
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  /** The error that every write meets. */
  fault: NodeJS.ErrnoException | undefined;

  write(text: string, done?: (error?: Error | null) => void): boolean {
    if (!this.fault) this.text += text;
    queueMicrotask(() => done?.(this.fault));
    return true;
  }

  on(): void {}
}

/** Runs a command line within this process. */
export async function run(
  args: readonly string[],
  world: { stdout?: MemoryStream; stderr?: MemoryStream; env?: NodeJS.ProcessEnv } = {},
): Promise<Run> {
  const { stdout = new MemoryStream(), stderr = new MemoryStream(), env = { LANG: 'C.UTF-8' } } = world;
  const code = await runProgram(args, { stdout, stderr, env });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** The error that a write to a pipe without a reader meets. */
export function brokenPipe(): NodeJS.ErrnoException {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
}
