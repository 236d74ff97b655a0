import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SHELLS } from '../../src/cli/commands/completion.ts';
import { COMMANDS } from '../../src/cli/program.ts';
import { run } from './run.ts';

async function script(shell: string): Promise<string> {
  const { code, stdout } = await run(['completion', shell]);
  expect(code).toBe(0);
  return stdout;
}

describe('completion', () => {
  it.each(SHELLS)('knows every command, and flags of each, in %s', async (shell) => {
    const text = await script(shell);
    for (const { name } of COMMANDS) expect(text).toContain(name);
    const long = (flag: string) => (shell === 'fish' ? `-l ${flag}` : `--${flag}`);
    for (const flag of ['in-place', 'fail-on', 'ignore-prefix', 'no-color'])
      expect(text).toContain(long(flag));
    expect(text).toContain('sarif');
    expect(text).toContain('device/cuda-tag');
  });

  it('is for shells that it knows', async () => {
    expect(await run(['completion', 'tcsh'])).toMatchObject({ code: 2, stdout: '' });
    expect((await run(['completion'])).code).toBe(2);
  });

  describe.runIf(existsSync('/bin/bash'))('in a real bash', () => {
    const completed = async (...words: string[]): Promise<string[]> => {
      const asked = `
        ${await script('bash')}
        COMP_WORDS=(ckpt-doctor ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
        _ckpt_doctor; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const text = execFileSync('/bin/bash', ['--norc', '-c', asked], { encoding: 'utf8' });
      return text.split('\n').filter((line) => line !== '');
    };

    it('completes commands, flags, choices and rules, and leaves files to the shell', async () => {
      expect(await completed('in')).toEqual(['inspect']);
      expect(await completed('fix', '--str')).toEqual([
        '--strip-module',
        '--strip-prefix',
        '--strip-wrappers',
      ]);
      expect(await completed('-q', 'inspect', '--fail-on', 'w')).toEqual(['warning']);
      expect(await completed('inspect', 'x.pth', '--format', 's')).toEqual(['sarif']);
      expect(await completed('explain', 'device/cuda')).toEqual(['device/cuda-tag']);
      expect(await completed('inspect', '')).toEqual([]);
      expect(await completed('fix', 'x.pth', '-o', '')).toEqual([]);
    });
  });
});
