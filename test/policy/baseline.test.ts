import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/diagnose/finding.ts';
import { Baseline, readBaseline } from '../../src/policy/baseline.ts';
import { finding } from '../report/sample.ts';
import { schemaValidator } from '../support/schema.ts';
import { folderOf } from './folder.ts';

const complaints = schemaValidator('baseline');
const about = (...subjects: string[]): Finding => finding('device/cuda-tag', { subjects });
const many = (count: number, from = 0) =>
  about(...Array.from({ length: count }, (_, index) => `t${from + index}`));

function accepting(...findings: Finding[]): { baseline: Baseline; path: string } {
  const folder = folderOf({ 'models/a.pth': 'a' });
  const baseline = new Baseline(join(folder, 'baseline.json'));
  const path = join(folder, 'models/a.pth');
  baseline.accept(path, findings);
  return { baseline, path };
}

describe('Baseline', () => {
  it('knows what was accepted, and what is left of it', () => {
    const { baseline, path } = accepting(about('a', 'b'));
    expect(baseline.knows(path, about('b', 'a'))).toBe(true);
    expect(baseline.knows(path, about('a'))).toBe(true);
  });

  it('does not know what is new', () => {
    const { baseline, path } = accepting(about('a', 'b'));
    expect(baseline.knows(path, about('a', 'c'))).toBe(false);
    expect(baseline.knows(path, { ...about('a'), rule: 'device/exotic-tag' })).toBe(false);
    expect(baseline.knows(path, { ...about('a'), severity: 'error' })).toBe(false);
    expect(baseline.knows(path, { ...about('a'), severity: 'info' })).toBe(true);
    expect(baseline.knows(path.replace('a.pth', 'b.pth'), about('a'))).toBe(false);
  });

  it('compares many names by their digest', () => {
    const { baseline, path } = accepting(many(101));
    expect(baseline.document().findings[0]?.subjects).toMatch(/^sha256:/);
    expect(baseline.knows(path, many(101))).toBe(true);
    expect(baseline.knows(path, many(101, 1))).toBe(false);
  });

  it('never accepts what points at hostile intent', () => {
    const hostile = { ...about('os.system'), rule: 'safety/anything', severity: 'error' } as const;
    const { baseline, path } = accepting(hostile);
    expect(baseline.document().findings).toEqual([]);
    expect(baseline.knows(path, hostile)).toBe(false);
  });

  it('forgets what is healed, and files that are gone', () => {
    const { baseline, path } = accepting(about('a'));
    baseline.accept(path.replace('a.pth', 'gone.pth'), [about('a')]);
    expect(baseline.document().findings.map((each) => each.path)).toEqual(['models/a.pth']);
    baseline.accept(path, []);
    expect(baseline.document().findings).toEqual([]);
  });

  it('comes back from its file, in an order that does not change', async () => {
    const { baseline, path } = accepting({ ...about('b'), rule: 'keys/module-prefix' }, about('a'));
    await baseline.write();
    const text = readFileSync(baseline.file, 'utf8');
    expect(complaints(JSON.parse(text))).toEqual([]);
    const again = await readBaseline(baseline.file);
    expect(again.knows(path, about('a'))).toBe(true);
    expect(again.document()).toEqual(JSON.parse(text));
    expect(again.document().findings.map(({ rule }) => rule)).toEqual([
      'device/cuda-tag',
      'keys/module-prefix',
    ]);
    expect(readdirSync(join(baseline.file, '..')).sort()).toEqual(['baseline.json', 'models']);
  });
});

describe('readBaseline', () => {
  it('names what is wrong with the file', async () => {
    const folder = folderOf({
      'a.json': '{',
      'b.json': { schema: 'ckpt-doctor/baseline/1', findings: [{ path: 'a' }] },
    });
    await expect(readBaseline(join(folder, 'none.json'))).rejects.toThrow(
      'no such baseline; --update-baseline writes one',
    );
    expect((await readBaseline(join(folder, 'none.json'), true)).document().findings).toEqual([]);
    await expect(readBaseline(join(folder, 'a.json'))).rejects.toThrow('the baseline is no JSON');
    await expect(readBaseline(join(folder, 'b.json'))).rejects.toThrow('findings[0].rule: expected');
  });
});
