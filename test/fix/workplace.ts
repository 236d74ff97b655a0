import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { type ProcessIdentity, thisProcess } from '../../src/io/process-identity.ts';
import { digestTail } from '../../src/io/tail-digest.ts';

/** A folder of its own for the files of a test, gone after it. */
export function workplace(): { readonly folder: string; copyOf(fixture: string): string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-in-place-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let copies = 0;
  return {
    folder,
    copyOf(fixture) {
      const copy = path.join(folder, `${copies++}-${path.basename(fixture)}`);
      copyFileSync(path.join('fixtures', fixture), copy);
      return copy;
    },
  };
}

/** A process that is over, or that never was: no system counts this far. */
export const DEAD: ProcessIdentity = { ...thisProcess(), pid: 2 ** 30 };
export const ELSEWHERE: ProcessIdentity = { pid: 1, place: `not-${hostname()}`, started: '' };

/** The journal of a run on a file that held `original`, as it stands on the disk. */
export async function journalText(original: Buffer, owner: ProcessIdentity): Promise<string> {
  const tail = await digestTail(new MemorySource(original), original.length);
  return JSON.stringify({
    format: 'ckpt-doctor/journal/1',
    origin: { length: original.length, tail },
    owner,
  });
}
