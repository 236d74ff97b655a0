import { fileURLToPath } from 'node:url';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { diagnose, diagnoseFailure } from '../../src/diagnose/engine.ts';
import type { Finding } from '../../src/diagnose/finding.ts';
import { examinePayload } from '../../src/diagnose/payload.ts';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import type { Fixture, RuleCases } from './cases.ts';

export function fixturePath(file: string): string {
  return fileURLToPath(new URL(`../../fixtures/${file}`, import.meta.url));
}

export function nameOf(fixture: Fixture): string {
  return 'file' in fixture ? fixture.file : fixture.name;
}

/** Opens or builds the checkpoint, and closes it when the work is done. */
export async function withCheckpoint<T>(
  fixture: Fixture,
  work: (checkpoint: Checkpoint) => T | Promise<T>,
): Promise<T> {
  const checkpoint = await open(fixture);
  try {
    return await work(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

async function open(fixture: Fixture): Promise<Checkpoint> {
  if ('file' in fixture) return openCheckpoint(fixturePath(fixture.file));
  return 'bytes' in fixture ? openSource(new MemorySource(fixture.bytes)) : fixture.build();
}

/** What `inspect` finds in it, whether it can be opened or not. */
export async function findingsOf(
  fixture: Fixture,
  { ask, crc = false, values = false }: Pick<RuleCases, 'ask' | 'crc' | 'values'> = {},
): Promise<{ findings: Finding[]; opened: boolean }> {
  try {
    const findings = await withCheckpoint(fixture, async (checkpoint) =>
      diagnose(checkpoint, {
        ...ask,
        ...((crc || values) && { payload: await examinePayload(checkpoint, { crc, values }) }),
      }),
    );
    return { findings, opened: true };
  } catch (error) {
    const findings = diagnoseFailure(error, ask);
    if ('build' in fixture || findings.length === 0) throw error;
    return { findings, opened: false };
  }
}
