import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderOf } from '../policy/folder.ts';
import { schemaValidator } from '../support/schema.ts';
import { MemoryStream, run } from './run.ts';

const complaints = schemaValidator('check');
const DDP = 'fixtures/broken/ddp_cuda.pth';
const MPS = 'fixtures/broken/tag_mps.pth';
const CLEAN = 'fixtures/clean/state_dict.pth';
const CUT = 'fixtures/damaged/truncated_in_pickle.pth';

/** Without a policy that the folder of the tests may have. */
const check = (...args: string[]) => run(['check', '--no-config', ...args]);
const withConfig = (config: object) => join(folderOf({ 'c.json': config }), 'c.json');

describe('the exit status', () => {
  it.each([
    ['nothing at the threshold', [CLEAN, DDP], 0],
    ['findings at the threshold', [CLEAN, MPS], 1],
    ['findings at a lower threshold', [DDP, '--fail-on', 'warning'], 1],
    ['advice alone', [DDP, '--fail-on', 'info'], 1],
    ['an unreadable file', [CLEAN, CUT], 2],
    ['a file that is not there', [CLEAN, 'gone.pth'], 2],
    ['a failed file beside an unreadable one', [MPS, CUT, 'gone.pth'], 1],
    ['as many warnings as are allowed', [DDP, '--max-warnings', '2'], 0],
    ['too many warnings', [DDP, CLEAN, '--max-warnings', '1'], 1],
    ['too many warnings beside an unreadable file', [DDP, CUT, '--max-warnings', '0'], 1],
    ['a glob without files', [CLEAN, 'fixtures/*.onnx'], 2],
    ['no file at all', [], 2],
    ['a wrong option', ['--fail-on', 'never', CLEAN], 2],
    ['a wrong output', ['-o', 'report.doc', CLEAN], 2],
    ['a configuration that is not there', ['--config', 'gone.json', CLEAN], 2],
  ])('of %s is as the contract says', async (_, args, code) => {
    const result = await check(...args);
    expect(result.code).toBe(code);
    if (code === 2) expect(result.stderr).toMatch(/^ckpt-doctor: \S/);
    expect(result.stderr).not.toMatch(/internal error|^\s+at /m);
  });
});

describe('check', () => {
  it('prints the document of the contract', async () => {
    const { stdout } = await check('--format', 'json', 'fixtures/broken', CUT, CLEAN);
    const document = JSON.parse(stdout);
    expect(complaints(document)).toEqual([]);
    expect(document.totals.files).toBe(document.files.length);
    expect(document.files.at(-1)).toMatchObject({
      path: CUT,
      status: 'unreadable',
      error: { code: 'truncated' },
    });
    expect(
      document.files.find(({ path }: { path: string }) => path === DDP).findings[0].subjects,
    ).toHaveLength(20);
    const all = JSON.parse((await check('--format', 'json', '--all-subjects', DDP)).stdout);
    expect(all.files[0].findings[0].subjects).toHaveLength(22);
  });

  it('judges by presets', async () => {
    for (const [preset, file, code] of [
      ['recommended', DDP, 0],
      ['strict', DDP, 1],
      ['cpu-serving', DDP, 1],
      ['release', DDP, 1],
      ['strict', CLEAN, 0],
      ['cpu-serving', CLEAN, 0],
      ['release', CLEAN, 0],
    ] as const) {
      expect((await check('--preset', preset, file)).code, `${preset} ${file}`).toBe(code);
    }
  });

  it('judges by a configuration: rules, budgets, lists, overrides', async () => {
    const config = withConfig({
      rules: { 'device/cuda-tag': 'error', 'keys/module-prefix': 'off' },
      budgets: { fileBytes: '12 kB' },
      allow: { dtypes: ['float32'] },
      overrides: [{ files: ['tag_mps.pth'], rules: { 'device/*': 'off' } }],
    });
    const { stdout, code } = await run(['check', '--config', config, '--format', 'json', DDP, MPS, CLEAN]);
    expect(code).toBe(1);
    const rules = JSON.parse(stdout).files.map(
      ({ findings }: { findings: { rule: string; severity: string }[] }) =>
        findings.filter(({ severity }) => severity !== 'info').map(({ rule }) => rule),
    );
    expect(rules).toEqual([['device/cuda-tag', 'policy/dtype', 'budget/file-bytes'], [], ['policy/dtype']]);
  });

  it('takes files, what to ignore and the limit of warnings from the configuration', async () => {
    const folder = folderOf({ 'c.json': { files: ['models'], ignore: ['*.bin'], maxWarnings: 0 } });
    cpSync(DDP, join(folder, 'models/a.pth'));
    cpSync(CUT, join(folder, 'models/b.bin'));
    const { stdout, code } = await run(['check', '--config', join(folder, 'c.json'), '--format', 'json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      totals: { files: 1, passed: 1 },
      warnings: { found: 2, allowed: 0 },
    });
  });

  it('names the key of the configuration that is wrong, and judges nothing', async () => {
    const { code, stdout, stderr } = await run(['check', '--config', withConfig({ failOn: 'never' }), CLEAN]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      /^ckpt-doctor: .*c\.json: failOn: expected error, warning or info, found "never"\n$/,
    );
  });

  it('holds files against the keys of a model, and heals by a prefix', async () => {
    const folder = folderOf({});
    const { stdout: keys } = await run(['inspect', '--emit-keys', CLEAN]);
    expect(schemaValidator('keys')(JSON.parse(keys))).toEqual([]);
    const expected = join(folderOf({ 'k.json': keys }), 'k.json');
    expect((await check('--expect', expected, CLEAN)).code).toBe(0);
    const { code, stdout } = await check('--expect', expected, 'fixtures/broken/ddp_cpu.pth');
    expect(code).toBe(1);
    const command = stdout.match(/ckpt-doctor fix (\S+) (--strip-module)\n/);
    expect(command).not.toBeNull();
    const output = join(folder, 'healed.pth');
    expect((await run(['fix', command?.[1] as string, '--strip-module', '-o', output])).code).toBe(0);
    expect((await check('--expect', expected, output)).code).toBe(0);
  });

  it('accepts by a baseline what is there today, and fails for what is new', async () => {
    const folder = folderOf({});
    const [baseline, model] = [join(folder, 'baseline.json'), join(folder, 'm.pth')];
    cpSync(MPS, model);
    const args = ['--baseline', baseline, model];
    expect((await check(...args)).stderr).toMatch(/^ckpt-doctor: .*baseline\.json: no such baseline/);
    expect((await check(...args, '--update-baseline')).code).toBe(0);
    expect(schemaValidator('baseline')(JSON.parse(readFileSync(baseline, 'utf8')))).toEqual([]);
    const accepted = await check(...args, '--format', 'json');
    expect(accepted.code).toBe(0);
    expect(JSON.parse(accepted.stdout).files[0]).toMatchObject({ known: 1, findings: [] });
    expect((await check(...args)).stdout).toContain('1 finding in the baseline');
    cpSync('fixtures/broken/tag_xpu_0.pth', model);
    expect((await check(...args)).code, 'the same rule and tensors').toBe(0);
    cpSync(DDP, model);
    expect((await check(...args, '--fail-on', 'warning')).code).toBe(1);
  });

  it('has nothing to update without a baseline', async () => {
    expect(await check('--update-baseline', CLEAN)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--update-baseline needs --baseline <file>'),
    });
  });

  it('writes several reports in one run', async () => {
    const folder = folderOf({});
    const at = (name: string) => join(folder, name);
    const outputs = [
      at('r.sarif'),
      `junit=${at('r.report')}`,
      at('r.md'),
      at('r.json'),
      at('r.txt'),
      `github=${at('r.gh')}`,
    ];
    const { code, stdout } = await check(DDP, MPS, ...outputs.flatMap((output) => ['-o', output]));
    expect(code).toBe(1);
    const text = (name: string) => readFileSync(at(name), 'utf8');
    expect(stdout).toContain('✖ fixtures/broken/tag_mps.pth  failed');
    expect(text('r.txt')).toBe(stdout);
    expect(
      JSON.parse(text('r.sarif')).runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri,
    ).toBe(DDP);
    expect(JSON.parse(text('r.sarif')).runs[0].tool.driver.rules[0].help.markdown).toMatch(/^# /);
    expect(text('r.report')).toMatch(/^<\?xml/);
    expect(text('r.md')).toMatch(/^<!-- ckpt-doctor -->/);
    expect(complaints(JSON.parse(text('r.json')))).toEqual([]);
    expect(text('r.gh')).toMatch(/^::\w+ file=/);
  });

  it('says which report could not be written', async () => {
    const { code, stderr, stdout } = await check(CLEAN, '-o', 'no/such/folder/r.sarif');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^ckpt-doctor: no\/such\/folder\/r\.sarif: the report can't be written/);
    expect(existsSync('no')).toBe(false);
  });

  it('colours what it prints, not what it writes', async () => {
    const stdout = Object.assign(new MemoryStream(), { isTTY: true, columns: 80, rows: 24 });
    const file = join(folderOf({}), 'r.txt');
    await run(['check', '--no-config', MPS, '-o', file], { stdout, env: { LANG: 'C.UTF-8', TERM: 'xterm' } });
    expect(stdout.text).toContain('\u001b[');
    expect(readFileSync(file, 'utf8')).toBe(stdout.text.replaceAll(/\u001b\[\d+m/g, ''));
  });
});

describe('inspect', () => {
  it('reports findings as SARIF and Markdown too', async () => {
    const sarif = await run(['inspect', '--format', 'sarif', DDP, CUT]);
    expect(sarif.code).toBe(2);
    const ids = JSON.parse(sarif.stdout).runs[0].results.map(({ ruleId }: { ruleId: string }) => ruleId);
    expect(ids).toContain('device/cuda-tag');
    expect(ids).toContain('unreadable');
    const markdown = await run(['inspect', '--format', 'markdown', DDP]);
    expect(markdown.stdout).toContain('| ✅ | `fixtures/broken/ddp_cuda.pth` | 2 warnings |');
  });

  it('lists the keys of one file', async () => {
    expect((await run(['inspect', '--emit-keys', CLEAN, DDP])).stderr).toBe(
      'ckpt-doctor: --emit-keys takes one file\n',
    );
    const none = await run(['inspect', '--emit-keys', 'fixtures/clean/no_tensors.pt']);
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toMatch(/^ckpt-doctor: fixtures\/clean\/no_tensors\.pt: no state_dict was found/);
  });
});
