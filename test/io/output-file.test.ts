import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RefusedError } from '../../src/io/errors.ts';
import { createOutputFile } from '../../src/io/output-file.ts';

let folder = '';
let input = '';
let output = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ckpt-doctor-'));
  input = join(folder, 'in.pt');
  output = join(folder, 'out.pt');
  writeFileSync(input, 'original');
});
afterEach(() => rmSync(folder, { recursive: true }));

const names = (): string[] => readdirSync(folder).sort();

describe('an output file', () => {
  it('appears under its name when it is published, and not before', async () => {
    const file = await createOutputFile(output, { input, mode: 0o600 });
    await file.write(5, Buffer.from('world'));
    await file.write(0, Buffer.from('hello'));
    expect(existsSync(output)).toBe(false);
    await file.finish();
    expect(readFileSync(file.temporaryPath, 'utf8')).toBe('helloworld');
    await file.publish();
    expect(readFileSync(output, 'utf8')).toBe('helloworld');
    expect(statSync(output).mode & 0o777).toBe(0o600);
    await file.abort();
    expect(names()).toEqual(['in.pt', 'out.pt']);
  });

  it('syncs on the way and keeps every byte', async () => {
    const file = await createOutputFile(output);
    const part = Buffer.alloc(33 * 1024 * 1024, 'x');
    await Promise.all([0, 1, 2].map((index) => file.write(index * part.length, part)));
    await file.publish();
    expect(statSync(output).size).toBe(3 * part.length);
  });

  it('leaves nothing behind when it is aborted', async () => {
    const file = await createOutputFile(output);
    await file.write(0, Buffer.from('half'));
    await file.abort();
    await file.abort();
    expect(names()).toEqual(['in.pt']);
    expect(process.listenerCount('SIGINT')).toBe(0);
  });

  it('replaces a file with force, through a symbolic link where the name is one', async () => {
    const real = join(folder, 'real.pt');
    writeFileSync(real, 'old');
    symlinkSync(real, output);
    const file = await createOutputFile(output, { force: true, input });
    await file.write(0, Buffer.from('new'));
    expect(readFileSync(output, 'utf8')).toBe('old');
    await file.publish();
    expect(readFileSync(real, 'utf8')).toBe('new');
    expect(names()).toEqual(['in.pt', 'out.pt', 'real.pt']);
  });

  it('does not overwrite a file that appeared meanwhile', async () => {
    const file = await createOutputFile(output);
    writeFileSync(output, 'somebody else');
    await expect(file.publish()).rejects.toThrow(/exists; replace it with --force/);
    await file.abort();
    expect(readFileSync(output, 'utf8')).toBe('somebody else');
    expect(names()).toEqual(['in.pt', 'out.pt']);
  });

  it('does not overwrite an input that took its name meanwhile', async () => {
    const file = await createOutputFile(output, { force: true, input });
    linkSync(input, output);
    await expect(file.publish()).rejects.toThrow(/is the input itself/);
    await file.abort();
    expect(readFileSync(input, 'utf8')).toBe('original');
  });

  it('takes names up to the longest that the file system takes', async () => {
    const long = join(folder, `${'é'.repeat(125)}.pt`);
    const file = await createOutputFile(long);
    await file.publish();
    expect(existsSync(long)).toBe(true);
  });
});

describe('createOutputFile refuses', () => {
  const inputByOtherNames: [string, () => string][] = [
    ['the input', () => input],
    ['the input through a symbolic link', () => linked((path) => symlinkSync(input, path))],
    ['the input through a hard link', () => linked((path) => linkSync(input, path))],
    [
      'the input through its folder',
      () => join(folder, '.', '..', folder.split('/').at(-1) as string, 'in.pt'),
    ],
  ];
  it.each(inputByOtherNames)('%s, even with force', async (_what, path) => {
    await expect(createOutputFile(path(), { input, force: true })).rejects.toThrow(/is the input itself/);
    expect(readFileSync(input, 'utf8')).toBe('original');
  });

  const cases: [string, () => string, RegExp][] = [
    [
      'a file that exists',
      () => linked((path) => writeFileSync(path, '')),
      /exists; replace it with --force/,
    ],
    ['a folder', () => linked((path) => mkdirSync(path)), /is a folder/],
    ['a device', () => '/dev/null', /not a regular file/],
    ['a link to nowhere', () => linked((path) => symlinkSync(join(folder, 'none'), path)), /link to nowhere/],
    ['a folder that does not exist', () => join(folder, 'none', 'out.pt'), /folder does not exist/],
    ['a file as folder', () => join(input, 'out.pt'), /a file, not a folder/],
    ['a name that is too long', () => join(folder, 'n'.repeat(300)), /longer than the file system allows/],
  ];
  it.each(cases)('%s', async (_what, path, message) => {
    const error = await createOutputFile(path(), { input }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RefusedError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
    expect(names().filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('what the disk has no room for', async () => {
    await expect(createOutputFile(output, { size: 2 ** 52 })).rejects.toThrow(/needs 4503599627370496 bytes/);
    expect(names()).toEqual(['in.pt']);
  });

  it.skipIf(process.getuid?.() === 0)('a folder without permission', async () => {
    chmodSync(folder, 0o500);
    await expect(createOutputFile(output)).rejects.toThrow(/permission denied/);
    chmodSync(folder, 0o700);
  });

  function linked(make: (path: string) => void): string {
    make(output);
    return output;
  }
});

describe('a full disk', () => {
  it('is told in one line', async () => {
    const file = await createOutputFile(output);
    const { full } = await openFull();
    await expect(full.write(0, Buffer.from('x'))).rejects.toThrow(/no space left on the disk/);
    await full.abort();
    await file.abort();
  });

  /** Linux has a device on which every write fails with ENOSPC. */
  async function openFull() {
    const { OutputFile } = await import('../../src/io/output-file.ts');
    const { open } = await import('node:fs/promises');
    const handle = await open('/dev/full', 'r+');
    return { full: new OutputFile(output, output, join(folder, 'none'), handle, {}) };
  }
});

describe('a signal', () => {
  let build = '';

  // A process of its own needs the module as plain JavaScript. The compiler takes its time to load.
  beforeAll(async () => {
    const { default: ts } = await import('typescript');
    build = mkdtempSync(join(tmpdir(), 'ckpt-doctor-build-'));
    writeFileSync(join(build, 'package.json'), '{ "type": "module" }');
    for (const name of ['output-file', 'doomed-files', 'errors', 'sync-folder', 'write-fully']) {
      const source = readFileSync(new URL(`../../src/io/${name}.ts`, import.meta.url), 'utf8');
      const { outputText } = ts.transpileModule(source, {
        compilerOptions: {
          module: ts.ModuleKind.ESNext,
          target: ts.ScriptTarget.ES2023,
          verbatimModuleSyntax: true,
        },
      });
      writeFileSync(join(build, `${name}.js`), outputText.replaceAll(/(from '\.\/[a-z-]+)\.ts'/g, "$1.js'"));
    }
  }, 60_000);
  afterAll(() => rmSync(build, { recursive: true }));

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s removes the temporary file and ends the process as always',
    async (signal) => {
      const script = `
      import { createOutputFile } from ${JSON.stringify(join(build, 'output-file.js'))};
      const file = await createOutputFile(${JSON.stringify(output)});
      await file.write(0, Buffer.from('half'));
      console.log('ready');
      setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
      let errors = '';
      child.stderr.on('data', (chunk) => {
        errors += chunk;
      });
      const ended = new Promise((resolve) => child.on('exit', (_code, by) => resolve(by)));
      const ready = new Promise((resolve) => child.stdout.once('data', resolve));
      await Promise.race([ready, ended]);
      expect(
        names().filter((name) => name.endsWith('.tmp')),
        errors,
      ).toHaveLength(1);
      child.kill(signal);
      expect(await ended).toBe(signal);
      expect(names()).toEqual(['in.pt']);
    },
  );
});
