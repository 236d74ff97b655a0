import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { brokenPipe, MemoryStream, run } from './run.ts';

describe('the command line', () => {
  it('prints its version and its help', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    const help = await run(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/^Usage: ckpt-doctor <command>[\s\S]+ inspect +what is inside/);
    expect((await run(['inspect', '--help'])).stdout).toContain('--fail-on <severity>');
    expect((await run(['help', 'inspect'])).stdout).toContain('--fail-on <severity>');
  });

  it.each([
    [['inspct', 'x.pth'], /^ckpt-doctor: unknown command 'inspct' \(Did you mean inspect\?\)/],
    [['inspect', '--dept', '3', 'x.pth'], /^ckpt-doctor: unknown option '--dept' \(Did you mean --depth\?\)/],
    [['inspect'], /^ckpt-doctor: missing required argument 'file'/],
    [['inspect', '--depth', 'two', 'x.pth'], /^ckpt-doctor: .*--depth.*must be a whole number/],
    [['inspect', '--format', 'yaml', 'x.pth'], /^ckpt-doctor: .*--format.*text, json/],
    [['inspect', '--fail-on', 'bad', 'x.pth'], /^ckpt-doctor: .*error, warning, info/],
    [['\u001b[31m'], /^ckpt-doctor: unknown command '\\e\[31m'/],
    [[], /^ckpt-doctor: no command was given\n\nUsage:/],
  ])('tells what is wrong with %j in one line, and exits with 2', async (args, expected) => {
    const result = await run(args);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(expected);
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });

  it('ends quietly when the reader of its output has gone', async () => {
    const stdout = new MemoryStream();
    stdout.fault = brokenPipe();
    for (const args of [
      ['--help'],
      ['inspect', 'fixtures/clean/state_dict.pth'],
      ['inspect', '--format', 'json', 'fixtures/clean/state_dict.pth', 'fixtures/clean/views.pth'],
    ]) {
      expect(await run(args, { stdout })).toEqual({ code: 0, stdout: '', stderr: '' });
    }
  });

  it('survives that nobody reads its errors', async () => {
    const stderr = new MemoryStream();
    stderr.fault = brokenPipe();
    expect((await run(['inspect', 'no-such-file'], { stderr })).code).toBe(2);
    expect((await run(['inspct'], { stderr })).code).toBe(2);
  });

  it('tells that the output could not be written', async () => {
    const stdout = new MemoryStream();
    stdout.fault = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const result = await run(['inspect', 'fixtures/clean/state_dict.pth'], { stdout });
    expect(result.code).toBe(2);
    expect(result.stderr).toBe('ckpt-doctor: output: no space left on device (ENOSPC)\n');
  });
});
