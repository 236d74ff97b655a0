import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';

const PAGES = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file.replaceAll('\\', '/')}`),
];

/** `ckpt-doctor fix model.pth --auto`, in a fence or within a sentence. */
const CALL = /\bckpt-doctor ((?:[a-z-]+)\b[^`\n#]*)/g;

interface Call {
  readonly page: string;
  readonly line: string;
}

const CALLS: readonly Call[] = PAGES.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(CALL)]
    .map(([, line]) => ({ page, line: (line as string).split(/&&|\|/)[0] as string }))
    .filter(({ line }) => /\s--?[a-z]/.test(line)),
);

/** Long and short flags of a command, by its own help. */
async function flagsOf(command: string): Promise<ReadonlySet<string>> {
  const { stdout } = await run([command, '--help']);
  return new Set(stdout.match(/(?<=^ +)(-[a-z], )?--?[a-z-]+/gm)?.flatMap((text) => text.split(', ')));
}

describe('what the pages tell to type', () => {
  it('is found', () => {
    expect(CALLS.length).toBeGreaterThan(60);
  });

  const commandOf = ({ line }: Call) => line.split(/\s/)[0] as string;
  it.each([...new Set(CALLS.map(commandOf))])('%s has the flags', async (command) => {
    const calls = CALLS.filter((call) => commandOf(call) === command);
    const flags = await flagsOf(command);
    expect(flags.size).toBeGreaterThan(3);
    const wrong = calls.flatMap(({ page, line }) =>
      (line.replace(/'[^']*'|"[^"]*"/g, "''").match(/(?<=\s)--?[a-z][a-z-]*/g) ?? [])
        .filter((flag) => !flags.has(flag))
        .map((flag) => `${page}: ${flag} in "ckpt-doctor ${line}"`),
    );
    expect(wrong).toEqual([]);
  });

  it('is in the words of findings too', async () => {
    const flags = await flagsOf('fix');
    const files = readdirSync('src/diagnose', { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    const told = files.flatMap((file) =>
      [...readFileSync(`src/diagnose/${file}`, 'utf8').matchAll(/\bfix (--[a-z-]+)/g)].map(
        ([, flag]) => flag as string,
      ),
    );
    expect(told.length).toBeGreaterThan(8);
    expect(told.filter((flag) => !flags.has(flag))).toEqual([]);
  });

  it('in the table of fix is there', async () => {
    const flags = await flagsOf('fix');
    const rows = [...readFileSync('README.md', 'utf8').matchAll(/^\| (`--[^|]*) \|/gm)];
    const told = rows.flatMap(([, cell]) => (cell as string).match(/--[a-z-]+/g) ?? []);
    expect(told.length).toBeGreaterThan(12);
    expect(told.filter((flag) => !flags.has(flag))).toEqual([]);
  });
});
