import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtBin } from '../support/built-bin.ts';

let bin = '';
beforeAll(() => {
  bin = builtBin();
}, 120_000);

const MANY = Array.from({ length: 40 }, () => 'fixtures/broken/ddp_cuda.pth');

describe('the launcher', () => {
  it('runs the built program and hands its exit code on', () => {
    const run = (...args: string[]) => spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8' });
    expect(run('inspect', 'fixtures/broken/ddp_cuda.pth')).toMatchObject({ status: 0, stderr: '' });
    expect(run('inspect', '--fail-on', 'warning', 'fixtures/broken/ddp_cuda.pth').status).toBe(1);
    expect(run('inspect', 'no-such.pth')).toMatchObject({ status: 2, stdout: '' });
  });

  it('starts from what was compiled at the build, and runs once', () => {
    const look = `const { loadProgram } = await import(${JSON.stringify(pathToFileURL(path.resolve('bin/program.js')).href)});
      console.log(loadProgram().isCompiled);`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', look], { encoding: 'utf8' });
    expect(stdout).toBe('true\n');
    // commands in files of their own ask for the main one
    const { stdout: page } = spawnSync(process.execPath, [bin, 'explain', 'zip/damaged'], {
      encoding: 'utf8',
    });
    expect(page.match(/^zip\/damaged$/gm)).toHaveLength(1);
  });

  it('writes all of a long output to a pipe before it ends', () => {
    const { stdout, status } = spawnSync(process.execPath, [bin, 'inspect', '--format', 'json', ...MANY], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    expect(status).toBe(0);
    expect(stdout.length).toBeGreaterThan(2 ** 18);
    expect(JSON.parse(stdout)).toHaveLength(MANY.length);
  });

  it('ends quietly when the pipe is closed', async () => {
    const child = spawn(process.execPath, [bin, 'inspect', '--format', 'json', ...MANY], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [status, signal] = await once(child, 'close');
    expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  });

  it('loads neither chalk nor the progress bar nor globs for a plain run', () => {
    const { stderr } = spawnSync(process.execPath, [bin, 'inspect', 'fixtures/clean/views.pth'], {
      encoding: 'utf8',
      env: { ...process.env, NODE_DEBUG: 'module', NO_COLOR: '1' },
    });
    const loaded = new Set(stderr.match(/dist\/bin\/[\w-]+\.cjs/g));
    // each file more costs about a millisecond
    expect(loaded.size).toBeLessThan(8);
    expect(stderr).not.toMatch(/bin\/(source|chalk|cli-progress|picomatch)-/);
    const colored = spawnSync(
      process.execPath,
      [bin, 'inspect', 'fixtures/clean/views.pth', '--filter', '*'],
      {
        encoding: 'utf8',
        env: { ...process.env, NODE_DEBUG: 'module', NO_COLOR: '', FORCE_COLOR: '1' },
      },
    );
    // the names by which the lines above look for them
    expect(colored.stderr).toMatch(/bin\/(source|chalk)-/);
    expect(colored.stderr).toMatch(/bin\/picomatch-/);
  });
});
