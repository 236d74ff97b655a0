import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { schemaValidator } from '../support/schema.ts';
import { run } from './run.ts';

const complaints = schemaValidator('stats');
const DDP = 'fixtures/broken/ddp_cuda.pth';

describe('stats', () => {
  it('prints a table that fits 80 columns, with a verdict', async () => {
    const { code, stdout, stderr } = await run(['stats', DDP]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^tensor +dtype +min +max +mean +std$/m);
    expect(stdout).toMatch(
      /^state_dict\.module\.conv1\.weight +float32 +-0\.310 +0\.296 +-0\.00357 +0\.123$/m,
    );
    expect(stdout).toContain('22 tensors, 1.86 k numbers: no NaN, no Inf.\n');
    expect(Math.max(...stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  it('prints JSON that holds to the schema for every fixture that opens', async () => {
    for (const folder of ['clean', 'legacy', 'torch-1.13', 'broken']) {
      for (const name of readdirSync(`fixtures/${folder}`).slice(0, 40)) {
        const { code, stdout } = await run([
          'stats',
          '--format',
          'json',
          '--histogram',
          '4',
          `fixtures/${folder}/${name}`,
        ]);
        if (code === 0) expect([name, complaints(JSON.parse(stdout))]).toEqual([name, []]);
      }
    }
  });

  it('sorts, filters and cuts, and counts what it left out', async () => {
    const { stdout } = await run([
      'stats',
      DDP,
      '--sort',
      'max',
      '--top',
      '2',
      '--filter',
      'state_dict.**.running_var',
    ]);
    const rows = stdout.split('\n').filter((line) => line.includes('running_var'));
    expect(rows.map((row) => row.split(/ +/)[0])).toEqual([
      'state_dict.module.bn1.running_var',
      'state_dict.module.bn2.running_var',
    ]);
    const cut = await run(['stats', DDP, '--top', '2']);
    expect(cut.stdout).toContain('… 20 more lines\n');
  });

  it('shows the column that it sorts by, and counts one number', async () => {
    const { stdout } = await run([
      'stats',
      DDP,
      '--sort',
      'l2Norm',
      '--filter',
      'optimizer.**',
      '--top',
      '1',
    ]);
    expect(stdout).toMatch(/^tensor +l2 norm +min +max +mean +std$/m);
    expect(stdout).toMatch(/^optimizer\.state\.3\.momentum_buffer +9\.13 +-0\.928 /m);
    const zeros = await run(['stats', DDP, '--sort', 'zeros', '--filter', 'optimizer.**', '--top', '1']);
    expect(zeros.stdout).toMatch(/^tensor +zeros +(?:dtype +)?min +max +mean +std$/m);
    const flaws = await run(['stats', DDP, '--sort', 'infinite', '--top', '1']);
    expect(flaws.stdout).toMatch(/^tensor +Inf +(?:dtype +)?min +max /m);
    expect((await run(['stats', DDP, '--sort', 'max'])).stdout).toMatch(/^tensor +dtype +min +max /m);
    const one = await run(['stats', DDP, '--filter', '**.bn1.num_batches_tracked']);
    expect(one.stdout).toContain('1 tensor, 1 number: no NaN, no Inf.\n');
  });

  it('says that no tensor matches a filter', async () => {
    const { code, stdout } = await run(['stats', DDP, '--filter', '*.bias']);
    expect(code).toBe(0);
    expect(stdout).toContain("0 of 22 tensors match *.bias: '*' stops at dots, '**' passes them\n");
    expect(stdout).not.toContain('no NaN');
  });

  it('prints CSV with a line for each tensor', async () => {
    const { stdout } = await run(['stats', '--format', 'csv', 'fixtures/clean/quantized.pth']);
    const [head, first, ...others] = stdout.trimEnd().split('\r\n');
    expect(head).toMatch(/^name,part,dtype,shape,elements,count,sampled,nan,/);
    expect(first).toBe(
      'qint8,,qint8,2x3,6,6,false,0,0,0,1,0,0,40,19.166666666666668,14.288690166235204,56.78908345800274,,,,,,,0.1,10,',
    );
    expect(others).toHaveLength(4);
  });

  it('shows histograms, and the parts of complex numbers', async () => {
    const { stdout } = await run(['stats', '--histogram', '5', 'fixtures/clean/conj_and_neg.pth']);
    expect(stdout).toMatch(/^plain re +complex64 +1 +3 +2/m);
    expect(stdout).toMatch(/^ {4}1 █ {3}█ 3$/m);
    expect(stdout).toMatch(/^conj im +complex64 +-2 +4 +1/m);
  });

  it('looks at a part where asked, and says so', async () => {
    const { stdout } = await run(['stats', '--sample', '--format', 'json', DDP]);
    expect(JSON.parse(stdout).tensors[0]).toMatchObject({ sampled: false, count: 216 });
  });

  it('says in one line what it can not read, and exits 2', async () => {
    expect(await run(['stats', 'no-such.pth'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'ckpt-doctor: no-such.pth: no such file; check the path\n',
    });
    for (const wrong of [
      ['--sort', 'colour'],
      ['--top', '0'],
      ['--histogram', '-3'],
      ['--format', 'xml'],
    ])
      expect((await run(['stats', DDP, ...wrong])).code).toBe(2);
  });

  it('tells of missing data and exits 2', async () => {
    const { code, stderr, stdout } = await run(['stats', 'fixtures/damaged/record_missing.pth']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^ckpt-doctor: fixtures\/damaged\/record_missing\.pth: /);
    expect(stdout).toContain('its data is not in the file');
  });
});

describe('inspect --values', () => {
  it('says nothing of sound numbers, and looks at none unasked', async () => {
    const { stdout } = await run([
      'inspect',
      '--values',
      '--format',
      'json',
      'fixtures/clean/state_dict.pth',
    ]);
    expect(
      JSON.parse(stdout).findings.filter(({ rule }: { rule: string }) => rule.startsWith('values/')),
    ).toEqual([]);
  });
});
