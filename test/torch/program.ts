import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const PROGRAM = path.resolve('bin/ckpt-doctor.js');

export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built program as a user does. */
export function run(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, ...args],
      { maxBuffer: 1 << 28, env: { ...process.env, NO_COLOR: '1' } },
      (error, stdout, stderr) => {
        const status = error ? (typeof error.code === 'number' ? error.code : 255) : 0;
        resolve({ status, stdout, stderr });
      },
    );
  });
}

/** What expected.json says of a fixture. */
export interface Fixture {
  readonly file: string;
  readonly findings: readonly string[];
  /** A twin with the same values that torch loads. */
  readonly reference?: string;
  /** `ok`, or torch's error: as it stands, and with map_location='cpu'. */
  readonly plain: string;
  readonly mapped: string;
  /** Without weights_only; there for files of our own that weights_only refuses. */
  readonly unrestricted?: string;
  readonly locations?: Readonly<Record<string, number>> | null;
  readonly tensors?: readonly { readonly path: string; readonly kind: string }[];
}

export const FIXTURES: readonly Fixture[] = JSON.parse(
  readFileSync('fixtures/expected.json', 'utf8'),
).files.filter((fixture: Fixture) => !fixture.file.startsWith('foreign/'));

export function fixturePath(file: string): string {
  return path.resolve('fixtures', file);
}
