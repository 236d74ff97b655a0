import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose/engine.ts';
import { examinePayload } from '../../src/diagnose/payload.ts';
import { fixCheckpoint } from '../../src/fix/fix.ts';
import { stepsOfFlags } from '../../src/fix/steps.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { CASES } from './cases.ts';
import { findingsOf, fixturePath } from './fixtures.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'healing-'));
});
afterAll(() => rm(folder, { recursive: true }));

const FILES = Object.entries(CASES).flatMap(([id, cases]) =>
  cases.triggers.flatMap((fixture) => ('file' in fixture ? [{ id, file: fixture.file, cases }] : [])),
);

describe('a finding that names flags', () => {
  it.each(FILES)('$id in $file is gone after fix with these flags', async ({ id, file, cases }) => {
    const { findings } = await findingsOf({ file }, cases);
    const mine = findings.filter(({ rule }) => rule === id);
    const flags = mine.flatMap(({ fix }) => fix);
    if (flags.length === 0) {
      // then the message says so: nobody has to try
      for (const { message } of mine) expect(message).toMatch(/\bfix\b|can't be healed|\.clone\(\)|tied/);
      return;
    }
    const output = join(folder, `${id}-${file}`.replaceAll('/', '-'));
    await fixCheckpoint(fixturePath(file), {
      output,
      auto: true,
      ...stepsOfFlags(flags),
      ...(flags.includes('--salvage') && { salvage: true }),
    });
    const healed = await openCheckpoint(output);
    expect(diagnose(healed, cases.ask).filter(({ rule }) => rule === id)).toEqual([]);
    const { checksums, headers } = await examinePayload(healed, { crc: true });
    expect(checksums?.faults).toEqual([]);
    expect(headers).toEqual([]);
    await healed.close();
  });
});
