import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { workshop } from '../fix/files.ts';
import { schemaValidator } from '../support/schema.ts';
import { run } from './run.ts';

const complaints = schemaValidator('fix');
const { copy, beside, place } = workshop();
const DDP = 'broken/ddp_cuda.pth';
const CURE = ['--map-location', 'cpu', '--strip-module'];

describe('fix', () => {
  it('writes a healed copy and says what it did', async () => {
    const input = copy(DDP);
    const { code, stdout, stderr } = await run(['fix', input, ...CURE]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const output = input.replace('.pth', '.fixed.pth');
    expect(stdout).toContain(output);
    expect(stdout).toMatch(/strip-module.*\b14 keys/);
    expect(stdout).toMatch(/map-location cpu.*\b22 storages/);
    expect(beside(input)).toEqual(['ddp_cuda.fixed.pth']);
    const after = await run(['inspect', '--format', 'json', output]);
    const findings: { severity: string }[] = JSON.parse(after.stdout).findings;
    expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
  });

  it.each([
    ['a copy', CURE],
    ['every byte compared', [...CURE, '--verify', 'full']],
    ['by itself', ['--auto']],
    ['a plan', [...CURE, '--dry-run']],
    ['nothing to do', ['--strip-prefix', 'nowhere.']],
    ['another prefix', ['--strip-module', '--add-prefix', 'net.', '--all-subjects']],
  ])('prints a document that its schema takes: %s', async (_what, options) => {
    const input = copy(DDP);
    const { code, stdout, stderr } = await run(['fix', input, ...options, '--format', 'json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const document = JSON.parse(stdout);
    expect(complaints(document)).toEqual([]);
    const written = !options.includes('--dry-run');
    expect(document).toMatchObject({
      schema: 'ckpt-doctor/fix/1',
      input,
      output: input.replace('.pth', '.fixed.pth'),
      mode: 'copy',
      verified: written,
      bytesIn: readFileSync(input).length,
    });
    expect(existsSync(document.output)).toBe(written);
    if (written) expect(document.bytesOut).toBe(readFileSync(document.output).length);
  });

  it('carries steps out in their order, several prefixes among them', async () => {
    const input = copy(DDP);
    const options = [
      '--strip-prefix',
      'module.',
      '--strip-prefix',
      'conv',
      '--add-prefix',
      'net.',
      '--map-location',
      'cuda:0=mps',
    ];
    const { stdout } = await run(['fix', input, ...options, '--format', 'json']);
    const { operations, output } = JSON.parse(stdout);
    expect(operations.map(({ name }: { name: string }) => name)).toEqual([
      'strip-module',
      'strip-prefix conv',
      'add-prefix net.',
      'map-location cuda:0=mps',
    ]);
    const { tensors } = JSON.parse((await run(['inspect', '--format', 'json', output])).stdout);
    expect(tensors[0]).toMatchObject({ name: 'state_dict.net.1.weight', location: 'mps' });
  });

  it('writes safetensors beside the input', async () => {
    const input = copy(DDP);
    const output = input.replace('.pth', '.safetensors');
    const options = ['--to', 'safetensors', '--weights', '--auto', '--verify', 'full'];
    const { code, stdout, stderr } = await run(['fix', input, ...options]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/to safetensors +14 tensors/);
    expect(stdout).toMatch(/14 tensors written, .* verified: every byte compared/s);
    expect(beside(input)).toEqual([path.basename(output)]);
    const again = await run(['fix', input, ...options, '--force', '--format', 'json']);
    const document = JSON.parse(again.stdout);
    expect(complaints(document)).toEqual([]);
    expect(document).toMatchObject({ output, mode: 'copy', verified: true });
    expect(document.bytesOut).toBe(readFileSync(output).length);
    const inspected = await run(['inspect', '--format', 'json', output]);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ container: { kind: 'safetensors' }, findings: [] });
  });

  it('writes several files and their index', async () => {
    const input = copy('clean/state_dict.pth');
    const options = ['--to', 'safetensors', '--shard-size', '1.5kB'];
    const { code, stdout, stderr } = await run(['fix', input, ...options]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/state_dict\.safetensors\.index\.json/);
    expect(stdout).toMatch(/14 tensors written in 3 files/);
    const document = JSON.parse(
      (await run(['fix', input, ...options, '--force', '--format', 'json'])).stdout,
    );
    expect(complaints(document)).toEqual([]);
    expect(document.files.map((file: string) => path.basename(file))).toEqual(beside(input).sort());
    expect(document.output).toBe(document.files.at(-1));
  });

  it('ends with what is left unhealed', async () => {
    const { stdout } = await run(['fix', copy(DDP), '--map-location', 'cpu']);
    expect(stdout).toContain('keys/module-prefix');
    expect(stdout).toContain('--strip-module');
  });

  it('warns of damaged bytes that it copied', async () => {
    const { code, stderr } = await run(['fix', copy('damaged/crc_wrong.pth'), '--map-location', 'cpu']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^ckpt-doctor: warning: data\/\d+ does not match its CRC-32/);
  });
});

describe('a fix that fails', () => {
  const failing: [string, () => string[], RegExp][] = [
    [
      'no operation',
      () => [copy(DDP)],
      /no operation given; this heals what was found: ckpt-doctor fix .*--map-location cpu --strip-module$/,
    ],
    [
      'a collision',
      () => [copy('broken/prefix_collision.pth'), '--strip-module'],
      /'module\.weight' and 'weight'.*would both become/,
    ],
    ['no file', () => [path.join(place(), 'gone.pth'), '--auto'], /no such file/],
    ['no checkpoint', () => [copy('foreign/html_page.pth'), '--auto'], /HTML/],
    ['a lost record', () => [copy('damaged/record_missing.pth'), ...CURE], /is missing/],
    ['a broken pickle', () => [copy('damaged/pickle_bogus_opcode.pth'), ...CURE], /opcode \S+ at offset \d+/],
    [
      'a wrong location',
      () => [copy(DDP), '--map-location', 'CPU'],
      /torch restores only the exact tag 'cpu'/,
    ],
    [
      'nested tensors for safetensors',
      () => [copy(DDP), '--to', 'safetensors'],
      /22 tensors \(.*\) stand deeper than that; --weights takes/,
    ],
    [
      'safetensors under another name',
      () => [copy('clean/state_dict.pth'), '--to', 'safetensors', '-o', path.join(place(), 'x.pth')],
      /would be safetensors, but no reader takes a file of that name for it/,
    ],
    [
      'a torch file under the name of safetensors',
      () => [copy('clean/state_dict.pth'), '--to', 'torch', '-o', path.join(place(), 'x.safetensors')],
      /would be a torch file.*name it \.pth, or add --to safetensors/,
    ],
    [
      'a size that is none',
      () => [copy(DDP), '--shard-size', 'five'],
      /--shard-size 'five': expected a number of bytes, or a text like 5GB/,
    ],
    [
      'an output in no folder',
      () => [copy(DDP), ...CURE, '-o', path.join(place(), 'no', 'where.pth')],
      /its folder does not exist/,
    ],
  ];

  it.each(failing)('%s: status 2, one line, nothing left behind', async (_what, args, words) => {
    const [file = '', ...options] = args();
    const { code, stdout, stderr } = await run(['fix', file, ...options]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^ckpt-doctor: [^\n]+\n$/);
    expect(stderr).toContain(path.basename(file));
    expect(stderr.trimEnd()).toMatch(words);
    if (existsSync(file)) expect(beside(file)).toEqual([]);
  });

  it('leaves what exists, unless it is forced', async () => {
    const input = copy(DDP);
    const output = path.join(place(), 'there.pth');
    writeFileSync(output, 'precious');
    const refused = await run(['fix', input, ...CURE, '-o', output]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('--force');
    expect(readFileSync(output, 'utf8')).toBe('precious');
    expect(await run(['fix', input, ...CURE, '-o', output, '--force'])).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect((await run(['fix', input, ...CURE, '-o', input, '--force'])).stderr).toContain(
      'is the input itself',
    );
  });

  it.each([
    ['an unknown option', ['--strip-moduel']],
    ['an unknown level', ['--verify', 'half']],
    ['no value', ['--map-location']],
  ])('%s is a wrong command line', async (_what, options) => {
    const { code, stdout, stderr } = await run(['fix', copy(DDP), ...options]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^ckpt-doctor: /);
  });
});
