import { expect, it } from 'vitest';
import { defineTraceRule } from '../../src/diagnose/define-trace-rule.ts';
import type { Suspicion } from '../../src/diagnose/suspicions.ts';

const rule = defineTraceRule({
  id: 'pickle/odd-argument',
  severity: 'warning',
  title: 'A title',
  kind: 'odd-argument',
  meaning: 'no harm.',
});

it('cuts what is long, and never where it stands', () => {
  const long: Suspicion = {
    kind: 'odd-argument',
    what: `a call of f has ${'x'.repeat(200)}`,
    record: 'data.pkl',
    offset: 219,
  };
  const other: Suspicion = { ...long, what: 'a call of g has \u202e', record: '', offset: 7 };
  const told = rule.judge?.([other, long]);
  expect(told).toMatchObject({
    message: 'To load this file, a call of g has \\u202e (offset 7): no harm.',
    subjects: [
      'a call of g has \\u202e (offset 7)',
      expect.stringMatching(/^a call of f has x{63}… \(offset 219 of data\.pkl\)$/),
    ],
  });
});
