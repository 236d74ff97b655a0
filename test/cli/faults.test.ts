import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { builtBin } from '../support/built-bin.ts';

const MODEL = resolve('fixtures/broken/ddp_cuda.pth');
const before = readFileSync(MODEL);
let bin: string;
let folder: string;

beforeAll(() => {
  bin = builtBin();
}, 60_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ckpt-doctor-faults-'));
  cpSync(MODEL, join(folder, 'model.pth'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/**
 * What makes a command one of somebody to whom a folder can be closed: nothing where that is who we are, and for root the words that make
 * it nobody's. Undefined where root can't, for want of the program or since nobody can't read what is to run.
 */
const asNobody = (() => {
  if (process.getuid?.() !== 0) return '';
  const words = 'setpriv --reuid 65534 --regid 65534 --clear-groups';
  const look = spawnSync('bash', [
    '-c',
    `${words} '${process.execPath}' '${resolve('bin/ckpt-doctor.js')}' --version`,
  ]);
  return look.status === 0 ? words : undefined;
})();

/** Runs a line of a shell in the folder; `ckpt-doctor` is the built program there, run by the words in front of it. */
function shell(line: string, env: NodeJS.ProcessEnv = {}, before = '') {
  const doctor = `ckpt-doctor() { ${before} '${process.execPath}' '${bin}' "$@"; }`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `${doctor}; ${line}`], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

const names = () => readdirSync(folder).sort();

/** One line that says what is wrong, nothing left behind, and the input as it was. */
function expectRefusal(
  { status, stderr }: ReturnType<typeof shell>,
  words: RegExp,
  left = ['model.pth'],
): void {
  expect(stderr).toMatch(words);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(status).toBe(2);
  expect(names()).toEqual(left);
  expect(readFileSync(join(folder, 'model.pth'))).toEqual(before);
}

describe.skipIf(process.platform === 'win32')('what can go wrong around a fix', () => {
  it('a disk that is full', () => {
    // the signal that comes with the limit ends a program that does not ignore it
    expectRefusal(
      shell("trap '' XFSZ; ulimit -f 4; ckpt-doctor fix model.pth --auto"),
      /does not take a file of this size/,
    );
  });

  it('a disk that is full behind the report', () => {
    const { status, stderr } = shell('ckpt-doctor inspect model.pth > /dev/full');
    expect(status).toBe(2);
    expect(stderr).toMatch(/^ckpt-doctor: output: no space left on device/);
  });

  it.skipIf(!asNobody)('a folder that takes no files', () => {
    chmodSync(folder, 0o555);
    for (const command of [
      'fix model.pth --auto',
      'fix model.pth --auto --in-place',
      'fix model.pth --auto --to torch-legacy',
      'report model.pth -o page.html',
    ]) {
      const refusal = shell(`ckpt-doctor ${command}`, {}, asNobody);
      expect(refusal.stderr).toMatch(/^ckpt-doctor: [^\n]*\n$/);
      expectRefusal(refusal, /permission|EACCES|not be written|takes no/i);
    }
    expect(shell('ckpt-doctor inspect model.pth', {}, asNobody).status).toBe(0);
  });

  it('an output that is a device, a pipe or a link to the input', () => {
    expectRefusal(shell('ckpt-doctor fix model.pth --auto --force -o /dev/null'), /not a regular file/);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expectRefusal(shell('ckpt-doctor fix model.pth --auto --force -o pipe'), /not a regular file/, [
      'model.pth',
      'pipe',
    ]);
    symlinkSync('model.pth', join(folder, 'link'));
    expectRefusal(shell('ckpt-doctor fix model.pth --auto --force -o link'), /is the input itself/, [
      'link',
      'model.pth',
      'pipe',
    ]);
  });

  it('an input that is a pipe or a device', () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const command of ['inspect pipe', 'show-pickle pipe', 'fix pipe --auto', 'inspect /dev/zero'])
      expectRefusal(shell(`ckpt-doctor ${command}`), /^ckpt-doctor: /, ['model.pth', 'pipe']);
  });

  it('no folder for temporary files', () => {
    const { status } = shell('ckpt-doctor fix model.pth --auto', {
      TMPDIR: '/none',
      TMP: '/none',
      TEMP: '/none',
    });
    expect(status).toBe(0);
    expect(names()).toEqual(['model.fixed.pth', 'model.pth']);
  });

  it('a name that begins with a dash', () => {
    cpSync(MODEL, join(folder, '-model.pth'));
    expect(shell('ckpt-doctor inspect -- -model.pth')).toMatchObject({ status: 0, stderr: '' });
    expect(shell('ckpt-doctor fix --auto -o ./-fixed.pth -- -model.pth')).toMatchObject({ status: 0 });
    expect(names()).toEqual(['-fixed.pth', '-model.pth', 'model.pth']);
  });

  it('a name that is not UTF-8', () => {
    shell("cp model.pth $'\\xff.pth'");
    // Node can't name such a file: it has to say so, and must not take the one whose name has the character that stands for what is no UTF-8
    shell("cp model.pth $'\\xef\\xbf\\xbd.pth'");
    const count = names().length;
    for (const command of ['inspect', 'check', 'stats', 'fix --auto', 'fix --auto --in-place', 'undo']) {
      const { status, stdout, stderr } = shell(`ckpt-doctor ${command} $'\\xff.pth'`);
      expect({ command, status }).toEqual({ command, status: 2 });
      expect(`${stdout}${stderr}`).toContain('name is not UTF-8');
    }
    expect(names()).toHaveLength(count);
    expect(shell("ckpt-doctor inspect - < $'\\xff.pth'").status).toBe(0);
    // of a folder neither passes
    const { status, stdout } = shell('ckpt-doctor check .');
    expect({ status, passed: stdout.includes('unreadable') }).toEqual({ status: 2, passed: true });
  });

  it('two runs to one output at once: one is whole, the other is refused', async () => {
    const runs = await Promise.all(
      [0, 1].map(
        () =>
          new Promise<number | null>((done) => {
            const args = [bin, 'fix', 'model.pth', '--auto', '-o', 'out.pth'];
            spawn(process.execPath, args, { cwd: folder, stdio: 'ignore' }).on('close', done);
          }),
      ),
    );
    expect(runs.filter((status) => status === 0).length).toBeGreaterThanOrEqual(1);
    expect(runs.every((status) => status === 0 || status === 2)).toBe(true);
    expect(names()).toEqual(['model.pth', 'out.pth']);
    expect(shell('ckpt-doctor inspect --verify-crc --fail-on warning out.pth').status).toBe(0);
  });

  it('an input that is cut short', () => {
    writeFileSync(join(folder, 'cut.pth'), before.subarray(0, 9000));
    expectRefusal(shell('ckpt-doctor fix cut.pth --auto'), /^ckpt-doctor: cut\.pth: /, [
      'cut.pth',
      'model.pth',
    ]);
    expect(existsSync(join(folder, 'cut.fixed.pth'))).toBe(false);
  });
});
