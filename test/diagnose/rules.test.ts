import { describe, expect, it } from 'vitest';
import { CASES } from './cases.ts';
import { findingsOf, nameOf } from './fixtures.ts';

for (const [id, cases] of Object.entries(CASES)) {
  const { triggers, quiet } = cases;
  describe(id, () => {
    it.each(triggers.map((fixture) => ({ name: nameOf(fixture), fixture })))(
      'speaks of $name',
      async ({ fixture }) => {
        const { findings, opened } = await findingsOf(fixture, cases);
        const mine = findings.filter(({ rule }) => rule === id);
        expect(mine).not.toHaveLength(0);
        for (const { message, subjects, count } of mine) {
          expect(message).toMatch(/^[A-Z0-9].*\.$/s);
          // these two speak of NaN, all others would show a defect
          expect(message).not.toMatch(/^values\/(nan|inf)$/.test(id) ? /undefined|\n/ : /undefined|NaN|\n/);
          expect(count).toBe(subjects.length);
          // what can't be opened has no parts to name
          expect(count > 0).toBe(opened);
        }
      },
    );

    it.each(quiet.map((fixture) => ({ name: nameOf(fixture), fixture })))(
      'is silent on $name',
      async ({ fixture }) => {
        const { findings } = await findingsOf(fixture, cases);
        expect(findings.filter(({ rule }) => rule === id)).toEqual([]);
      },
    );
  });
}
