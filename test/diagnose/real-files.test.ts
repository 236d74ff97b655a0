import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnose/engine.ts';
import { openCheckpoint } from '../../src/formats/open.ts';

interface Expected {
  file: string;
  /** Rules that must speak, declared beside the recipe of the fixture. */
  findings: string[];
  tensors?: unknown[];
}

const LOADED = (JSON.parse(readFileSync('fixtures/expected.json', 'utf8')).files as Expected[]).filter(
  ({ file, tensors }) => tensors && !file.startsWith('foreign/'),
);

describe('what the rules find in files of a real torch', () => {
  it.each(LOADED)('$file', async ({ file, findings }) => {
    const checkpoint = await openCheckpoint(`fixtures/${file}`);
    const found = diagnose(checkpoint);
    // advice may come on top; what is more than advice has to be declared
    const expected = found.filter(({ rule, severity }) => severity !== 'info' || findings.includes(rule));
    expect([...new Set(expected.map(({ rule }) => rule))].sort()).toEqual([...findings].sort());
    await checkpoint.close();
  });
});
