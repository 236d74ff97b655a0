import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { schemaValidator } from '../support/schema.ts';
import { MemoryStream, run } from './run.ts';

const complaints = schemaValidator('inspect');
const DDP = 'fixtures/broken/ddp_cuda.pth';
const CLEAN = 'fixtures/clean/state_dict.pth';

function fixtures(folder: string): string[] {
  return readdirSync(`fixtures/${folder}`).map((name) => `fixtures/${folder}/${name}`);
}

describe('inspect', () => {
  it('prints a report for a person', async () => {
    const { code, stdout, stderr } = await run(['inspect', DDP]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^fixtures\/broken\/ddp_cuda\.pth {2}14\.7 kB\ntorch zip archive · torch 2/);
    expect(stdout).toContain(`ckpt-doctor fix ${DDP} --map-location cpu --strip-module\n`);
  });

  it('prints one JSON document for one file, and an array for several', async () => {
    const one = await run(['inspect', '--format', 'json', DDP]);
    expect(one).toMatchObject({ code: 0, stderr: '' });
    const document = JSON.parse(one.stdout);
    expect(complaints(document)).toEqual([]);
    expect(document).toMatchObject({
      schema: 'ckpt-doctor/inspect/1',
      file: { path: DDP, bytes: 14653 },
      metadata: { epoch: 12 },
    });
    const several = await run(['inspect', '--format', 'json', DDP, CLEAN]);
    expect(JSON.parse(several.stdout).map(({ file }: { file: { path: string } }) => file.path)).toEqual([
      DDP,
      CLEAN,
    ]);
    expect(JSON.parse(several.stdout)[0]).toEqual(document);
  });

  it('prints documents that hold to the schema for every fixture', async () => {
    const files = ['broken', 'clean', 'damaged', 'foreign', 'torch-1.13'].flatMap(fixtures);
    const { stdout, stderr } = await run(['inspect', '--format', 'json', ...files]);
    const documents = JSON.parse(stdout);
    expect(documents).toHaveLength(files.length);
    expect(complaints(documents)).toEqual([]);
    expect(stderr).not.toContain('internal error');
  });

  it('does not let a file that can not be read stop the others', async () => {
    const { code, stdout, stderr } = await run([
      'inspect',
      '--format',
      'json',
      'no-such.pth',
      'fixtures/foreign/gguf.pth',
      CLEAN,
    ]);
    expect(code).toBe(2);
    const documents = JSON.parse(stdout);
    expect(documents[0]).toEqual({
      schema: 'ckpt-doctor/inspect/1',
      file: { path: 'no-such.pth' },
      error: { code: 'not-found', message: expect.any(String) },
      findings: [],
    });
    expect(documents[1].error.code).toBe('not-a-checkpoint');
    expect(documents[2].totals.tensors).toBeGreaterThan(0);
    expect(stderr.split('\n').filter((line) => line.startsWith('ckpt-doctor: '))).toHaveLength(2);
    expect(stderr).toMatch(/^ckpt-doctor: no-such\.pth: no such file/);
    const text = await run(['inspect', 'no-such.pth', CLEAN]);
    expect(text.code).toBe(2);
    expect(text.stdout).toMatch(/^fixtures\/clean\/state_dict\.pth/);
  });

  it.each([...fixtures('damaged'), ...fixtures('foreign')].filter((file) => !file.includes('crc_wrong')))(
    'exits with 2 and one line for %s',
    async (file) => {
      const { code, stderr } = await run(['inspect', file]);
      if (code === 0) return expect(stderr).toBe('');
      expect(code).toBe(2);
      expect(stderr).toMatch(/^ckpt-doctor: [^\n]+\n$/);
      expect(stderr.startsWith(`ckpt-doctor: ${file}: `)).toBe(true);
    },
  );

  it('exits with 1 for findings at or above the threshold only', async () => {
    expect((await run(['inspect', '--fail-on', 'warning', DDP])).code).toBe(1);
    expect((await run(['inspect', '--fail-on', 'info', DDP])).code).toBe(1);
    expect((await run(['inspect', '--fail-on', 'error', DDP])).code).toBe(0);
    expect((await run(['inspect', '--fail-on', 'info', CLEAN])).code).toBe(0);
    expect((await run(['inspect', '--fail-on', 'warning', DDP, 'no-such.pth'])).code).toBe(2);
  });

  it('lists every subject on request', async () => {
    const subjects = async (...args: string[]) =>
      JSON.parse((await run(['inspect', '--format', 'json', ...args, DDP])).stdout).findings[0];
    expect((await subjects()).subjects).toHaveLength(20);
    expect((await subjects('--all-subjects')).subjects).toHaveLength(22);
    expect((await subjects()).count).toBe(22);
  });

  it('shows what is asked for: all, a depth, a glob', async () => {
    expect((await run(['inspect', '--all', DDP])).stdout).not.toContain('folded');
    expect((await run(['inspect', '--depth', '1', DDP])).stdout).toContain('22 tensors folded');
    const { stdout } = await run(['inspect', '--filter', 'state_dict.module.fc.*', DDP]);
    expect(stdout).toContain('2 of 22 tensors match state_dict.module.fc.*');
    expect(stdout).not.toContain('conv1.weight  ');
    const json = JSON.parse(
      (await run(['inspect', '--format', 'json', '--filter', '**.fc.bias', DDP])).stdout,
    );
    expect(json.tensors.map(({ name }: { name: string }) => name)).toEqual(['state_dict.module.fc.bias']);
    expect(json.totals.tensors).toBe(22);
  });

  it('fits the terminal, and colours only there', async () => {
    const stdout = new MemoryStream();
    Object.assign(stdout, { isTTY: true, columns: 50, rows: 30 });
    const { stdout: text } = await run(['inspect', DDP], { stdout });
    expect(text).toContain('\u001b[');
    const plain = text.replaceAll(/\u001b\[\d+m/g, '');
    for (const line of plain.split('\n'))
      if (!line.startsWith('  ckpt-doctor')) expect(line.length).toBeLessThanOrEqual(50);
    expect((await run(['inspect', DDP])).stdout).not.toContain('\u001b');
  });

  it('takes global options before and after the command', async () => {
    for (const args of [
      ['-q', 'inspect', DDP],
      ['inspect', '-q', DDP],
      ['inspect', DDP, '--quiet'],
    ]) {
      expect((await run(args)).stdout).not.toContain('Values');
    }
  });
});

describe('a defect of ours', () => {
  afterEach(() => vi.doUnmock('../../src/diagnose/engine.ts'));

  it('is one line that asks for a report, and a stack only for --debug', async () => {
    vi.resetModules();
    vi.doMock('../../src/diagnose/engine.ts', async (original) => ({
      ...(await original<object>()),
      diagnose: () => {
        throw new TypeError('x is not a function');
      },
    }));
    const { run: runAnew } = await import('./run.ts');
    const quiet = await runAnew(['inspect', '--format', 'json', CLEAN]);
    expect(quiet.code).toBe(2);
    expect(quiet.stderr).toMatch(
      /^ckpt-doctor: fixtures\/clean\/state_dict\.pth: internal error: x is not a function;[^\n]+report[^\n]+\n$/,
    );
    expect(JSON.parse(quiet.stdout).error.code).toBe('internal');
    expect(complaints(JSON.parse(quiet.stdout))).toEqual([]);
    expect((await runAnew(['inspect', '--debug', CLEAN])).stderr).toMatch(/\n\s+at /);
  });
});

describe('a hostile path', () => {
  it('is told without its control characters', async () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-')), 'a\u001b[2J\u202e.pth');
    writeFileSync(file, 'not a checkpoint');
    const { stderr } = await run(['inspect', file]);
    expect(stderr).toContain('a\\e[2J\\u202e.pth: ');
  });
});
