import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import type { Fixture } from './cases.ts';

export function fixturePath(file: string): string {
  return fileURLToPath(new URL(`../../fixtures/${file}`, import.meta.url));
}

export function nameOf(fixture: Fixture): string {
  return 'file' in fixture ? fixture.file : fixture.name;
}

/** Opens or builds the checkpoint, and closes it when the work is done. */
export async function withCheckpoint<T>(fixture: Fixture, work: (checkpoint: Checkpoint) => T): Promise<T> {
  const checkpoint = 'file' in fixture ? await openCheckpoint(fixturePath(fixture.file)) : fixture.build();
  try {
    return work(checkpoint);
  } finally {
    await checkpoint.close();
  }
}
