import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { installTfjs, workingTfjs } from '../support/fake-tensorflow.ts';
import { schemaValidator } from '../support/schema.ts';
import { run } from './run.ts';

const complaints = schemaValidator('diff');
const DDP = 'fixtures/broken/ddp_cuda.pth';
const PLAIN = 'fixtures/clean/state_dict.pth';
const folder = mkdtempSync(path.join(tmpdir(), 'ckpt-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function diff(...args: string[]) {
  const { code, stdout, stderr } = await run(['diff', '--format', 'json', ...args]);
  const document = JSON.parse(stdout);
  expect(complaints(document)).toEqual([]);
  return { code, document, stderr };
}

describe('diff', () => {
  it('exits with 0 where nothing differs, and says so', async () => {
    const { code, stdout, stderr } = await run(['diff', DDP, DDP, '--values']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/✔ No difference: 22 tensors, names, shapes, dtypes and values\.\n$/);
  });

  it('exits with 1 where anything does, in every format', async () => {
    for (const format of ['text', 'json', 'markdown'])
      expect((await run(['diff', '--format', format, DDP, PLAIN])).code).toBe(1);
    const { document } = await diff(DDP, PLAIN);
    expect(document).toMatchObject({ same: false, a: { part: 'state_dict', tensors: 14 }, b: { part: '' } });
    expect(document.renamed).toHaveLength(14);
    expect(document.renamed[0]).toMatchObject({
      from: 'module.conv1.weight',
      to: 'conv1.weight',
      by: 'wrapper',
    });
    expect(document.changed[0].location).toEqual({ a: 'cuda:0', b: 'cpu' });
  });

  it('says that a filter leaves nothing to compare', async () => {
    const { code, stdout } = await run(['diff', DDP, PLAIN, '--filter', 'bias']);
    expect(code).toBe(0);
    expect(stdout).toContain(
      "No tensor of a or b matches the filter: '*' stops at dots, '**' passes them.\n",
    );
    expect((await diff(DDP, PLAIN, '--filter', '**.bias')).document.notes.join()).not.toContain('filter');
  });

  it('exits with 2 where a file can not be read, and names it', async () => {
    for (const args of [
      ['no-such.pth', PLAIN],
      [PLAIN, 'no-such.pth'],
    ])
      expect(await run(['diff', ...args])).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(/^ckpt-doctor: no-such\.pth: no such file/),
      });
    expect((await run(['diff', PLAIN])).code).toBe(2);
    expect(await run(['diff', PLAIN, PLAIN, '--tolerance', '1'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--values'),
    });
    expect((await run(['diff', PLAIN, PLAIN, '--values', '--tolerance', 'much'])).code).toBe(2);
  });

  it('exits with 2 for a damaged file, and tells what is left of it', async () => {
    const { code, stdout, stderr } = await run(['diff', 'fixtures/damaged/record_missing.pth', PLAIN]);
    expect(code).toBe(2);
    expect(stdout).toContain('14 tensors, names, shapes and dtypes');
    expect(stderr).toMatch(/^ckpt-doctor: fixtures\/damaged\/record_missing\.pth: /);
  });

  it('ignores a prefix, and chooses tensors', async () => {
    const { document } = await diff(DDP, PLAIN, '--ignore-prefix', 'module.');
    expect(document.renamed).toEqual([]);
    const chosen = await diff(DDP, PLAIN, '--ignore-prefix', 'module.', '--filter', 'fc.*');
    expect(chosen.document.totals.common).toBe(2);
  });

  it('finds what a fix did to a file, and nothing else', async () => {
    const healed = path.join(folder, 'healed.pth');
    await run(['fix', DDP, '--strip-module', '--dtype', 'float16', '-o', healed]);
    const { code, document } = await diff(DDP, healed, '--values', '--tolerance', '0.001');
    expect(code).toBe(1);
    expect(document.totals).toMatchObject({ added: 0, removed: 0, renamed: 14, values: { different: 0 } });
    expect(document.changed.every(({ dtype }: { dtype?: object }) => dtype !== undefined)).toBe(true);
  });

  it('compares a sharded checkpoint and one file, and every container with itself', async () => {
    const containers = [
      'bert',
      'dtypes.safetensors',
      'quantized.pt',
      'scripted.pt',
      'exported.pt2',
      'package.pt',
    ];
    for (const name of [
      ...containers.map((each) => `containers/${each}`),
      'clean/sparse.pth',
      'clean/strides.pth',
      'clean/conj_and_neg.pth',
      'clean/big_endian.pth',
      'clean/jagged.pth',
      'clean/floats.pt',
    ]) {
      const { code, document, stderr } = await diff(`fixtures/${name}`, `fixtures/${name}`, '--values');
      expect({ name, code, stderr }).toEqual({ name, code: 0, stderr: '' });
      expect(document.totals.values).toMatchObject({ different: 0, notComparable: 0 });
    }
    const { document } = await diff('fixtures/containers/bert', 'fixtures/containers/bert_bin', '--values');
    expect(document.totals).toMatchObject({ added: 0, removed: 0, renamed: 0, values: { different: 0 } });
  });
});

describe('diff --backend', () => {
  afterEach(() => vi.restoreAllMocks());

  /** Packages are looked for beside the project of the user, who is made to stand in a folder that has these. */
  function standWith(packages: Readonly<Record<string, string>>): void {
    const project = mkdtempSync(path.join(folder, 'project-'));
    for (const [name, code] of Object.entries(packages)) installTfjs(project, name, code);
    vi.spyOn(process, 'cwd').mockReturnValue(project);
  }

  it('is refused in one line without --values', async () => {
    for (const backend of ['tfjs', 'builtin'])
      expect(await run(['diff', DDP, PLAIN, '--backend', backend])).toEqual({
        code: 2,
        stdout: '',
        stderr: 'ckpt-doctor: --backend is about what computes with numbers; give --values with it\n',
      });
  });

  it('says in one line what to install where there is nothing', async () => {
    standWith({});
    const { code, stdout, stderr } = await run(['diff', DDP, PLAIN, '--values', '--backend', 'tfjs']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      /^ckpt-doctor: --backend tfjs: none of .* is installed; npm install @tensorflow\/tfjs-node-gpu@4\.22\.0 .*CUDA 11\.2 and cuDNN 8\.1.*\n$/,
    );
  });

  it('says in every format which package answered, and whether a GPU is in use', async () => {
    standWith({ 'tfjs-node-gpu': "throw new Error('no binding')", 'tfjs-node': workingTfjs(true) });
    const args = [DDP, PLAIN, '--values', '--backend', 'tfjs'];
    const told = 'computed by @tensorflow/tfjs-node 4.22.0, on a GPU';
    const { code, stdout, stderr } = await run(['diff', ...args]);
    expect(code).toBe(1);
    expect(stdout).toContain(`the same\n  ${told}\n`);
    expect(stderr).toBe('ckpt-doctor: note: @tensorflow/tfjs-node-gpu does not work: no binding\n');
    expect((await run(['diff', '--format', 'markdown', ...args])).stdout).toMatch(
      /^Values computed by .*tensorflow.* 4\.22\.0, on a GPU\.$/m,
    );
    const { document } = await diff(...args);
    expect(document.backend).toEqual({ name: '@tensorflow/tfjs-node', version: '4.22.0', gpu: true });
  });

  it('is in the document where there are values, and in no text where it is the program itself', async () => {
    const { document } = await diff(DDP, PLAIN, '--values', '--backend', 'builtin');
    expect(document.backend).toEqual({ name: 'builtin', gpu: false });
    expect((await diff(DDP, PLAIN)).document).not.toHaveProperty('backend');
    expect(complaints({ ...document, backend: { name: 'builtin' } })).not.toEqual([]);
    for (const format of ['text', 'markdown'])
      expect((await run(['diff', DDP, PLAIN, '--values', '--format', format])).stdout).not.toContain(
        'computed',
      );
  });
});
