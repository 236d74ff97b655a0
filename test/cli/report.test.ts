import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PAGE_START } from '../../src/report/html-page.ts';
import { builtBin } from '../support/built-bin.ts';
import { run } from './run.ts';

const DDP = 'fixtures/broken/ddp_cuda.pth';
const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-report-'));
const place = (name: string) => path.join(folder, name);

// the script of the page is built
beforeAll(builtBin, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe('report', () => {
  it('writes a page, and writes it anew', async () => {
    for (const _ of [1, 2]) {
      const { code, stdout, stderr } = await run(['report', DDP, '-o', place('page.html')]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/page\.html: [\d.]+ kB, open it in a browser\n$/);
    }
    const page = readFileSync(place('page.html'), 'utf8');
    expect(page.startsWith(PAGE_START)).toBe(true);
    expect(page).toContain('keys/module-prefix');
    const { stdout } = await run(['report', DDP, '-o', '-']);
    expect(stdout).toBe(page);
  });

  it('replaces nothing but such a page', async () => {
    copyFileSync(DDP, place('model.pth'));
    const { code, stderr } = await run(['report', place('model.pth'), '-o', place('model.pth')]);
    expect(code).toBe(2);
    expect(stderr).toContain('is no page of a report');
    expect(readFileSync(place('model.pth'))).toEqual(readFileSync(DDP));
    writeFileSync(place('empty.html'), '');
    expect((await run(['report', DDP, '-o', place('empty.html')])).code).toBe(0);
  });

  it('has no page for what can not be read, and wants to know where to write', async () => {
    const { code, stdout, stderr } = await run([
      'report',
      'fixtures/foreign/gguf.pth',
      '-o',
      place('none.html'),
    ]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^ckpt-doctor: fixtures\/foreign\/gguf\.pth: /);
    expect(existsSync(place('none.html'))).toBe(false);
    expect((await run(['report', DDP])).code).toBe(2);
    expect((await run(['report', DDP, '-o', place('no/such/folder.html')])).code).toBe(2);
  });

  it('shows a damaged file, and says so', async () => {
    const { code, stderr } = await run([
      'report',
      'fixtures/damaged/record_missing.pth',
      '-o',
      place('damaged.html'),
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ckpt-doctor: fixtures\/damaged\/record_missing\.pth: /);
    expect(readFileSync(place('damaged.html'), 'utf8')).toContain('"damage":');
  });

  it('tells what the numbers are like where it is asked', async () => {
    const numbersOf = async (...flags: string[]) => {
      const { code, stdout } = await run(['report', DDP, '-o', '-', ...flags]);
      expect(code).toBe(0);
      const json = /<script type="application\/json" id="data">(.*)<\/script>\n<script>/s.exec(stdout)?.[1];
      const { tensors, numbers, findings } = JSON.parse(json ?? '');
      return { tensors, numbers, rules: findings.map(({ rule }: { rule: string }) => rule) };
    };
    const { tensors, numbers, rules } = await numbersOf('--values');
    const { stdout } = await run(['stats', DDP, '--format', 'json']);
    const stats = JSON.parse(stdout);
    expect(numbers.count).toEqual(stats.tensors.map(({ count }: { count: number }) => count));
    for (const [index, { name, std }] of stats.tensors.entries()) {
      expect(tensors.name[index]).toBe(name);
      if (std !== null) expect(numbers.std[index]).toBeCloseTo(std, 4);
    }
    const inspected = await run(['inspect', DDP, '--values', '--format', 'json']);
    expect(rules).toEqual(JSON.parse(inspected.stdout).findings.map(({ rule }: { rule: string }) => rule));
    expect((await numbersOf()).numbers).toBeUndefined();
    const sample = await numbersOf('--sample');
    expect(sample.numbers.count).toEqual(numbers.count);
    expect(sample.rules.filter((rule: string) => rule.startsWith('values/'))).toEqual([]);
  });
});
