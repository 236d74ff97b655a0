import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose/engine.ts';
import { CASES } from './cases.ts';
import { nameOf, withCheckpoint } from './fixtures.ts';

for (const [id, { triggers, quiet, ask }] of Object.entries(CASES)) {
  describe(id, () => {
    it.each(triggers.map((fixture) => ({ name: nameOf(fixture), fixture })))(
      'speaks of $name',
      async ({ fixture }) => {
        const findings = await withCheckpoint(fixture, (checkpoint) => diagnose(checkpoint, ask));
        const mine = findings.filter(({ rule }) => rule === id);
        expect(mine).not.toHaveLength(0);
        for (const { message, subjects, count } of mine) {
          expect(message).toMatch(/^[A-Z0-9].*\.$/s);
          expect(message).not.toMatch(/undefined|NaN|\n/);
          expect(count).toBe(subjects.length);
          expect(count).toBeGreaterThan(0);
        }
      },
    );

    it.each(quiet.map((fixture) => ({ name: nameOf(fixture), fixture })))(
      'is silent on $name',
      async ({ fixture }) => {
        const findings = await withCheckpoint(fixture, (checkpoint) => diagnose(checkpoint, ask));
        expect(findings.filter(({ rule }) => rule === id)).toEqual([]);
      },
    );
  });
}
