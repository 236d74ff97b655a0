import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFile } from '../../src/io/file-source.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ckpt-doctor-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('openFile', () => {
  it('takes no file for another whose name is not UTF-8', async () => {
    const path = file('\ufffd.pth', 'bytes');
    await expect(openFile(path)).rejects.toMatchObject({
      code: 'io',
      message: expect.stringMatching(/^its name is not UTF-8/),
    });
  });

  it('reads any range, and into a buffer of the caller', async () => {
    const source = await openFile(file('digits', '0123456789'));
    expect(source.size).toBe(10);
    expect(Buffer.from(await source.read(3, 4)).toString()).toBe('3456');
    expect(await source.read(10, 0)).toHaveLength(0);
    const into = Buffer.alloc(4, '-');
    await source.readInto?.(8, into.subarray(1, 3));
    expect(into.toString()).toBe('-89-');
    await source.close?.();
    await source.close?.();
  });

  it('refuses ranges past the end', async () => {
    const source = await openFile(file('short', 'abc'));
    for (const [offset, length] of [
      [0, 4],
      [4, 0],
      [-1, 1],
      [2, 2],
      [Number.NaN, 1],
    ] as const) {
      await expect(source.read(offset, length)).rejects.toMatchObject({ code: 'truncated' });
      if (length > 0) {
        await expect(source.readInto?.(offset, Buffer.alloc(length))).rejects.toMatchObject({
          code: 'truncated',
        });
      }
    }
    await source.close?.();
  });

  it('tells that the file has shrunk', async () => {
    const path = file('shrinks', Buffer.alloc(1000));
    const source = await openFile(path);
    truncateSync(path, 600);
    expect(await source.read(0, 600)).toHaveLength(600);
    await expect(source.read(500, 200)).rejects.toMatchObject({ code: 'changed', offset: 600 });
    await source.close?.();
  });

  it.each([
    ['no such file', () => join(folder, 'none'), 'not-found'],
    ['a file as folder', () => join(file('plain', 'x'), 'below'), 'not-found'],
    ['a folder', () => folder, 'is-directory'],
    ['an empty file', () => file('empty', ''), 'empty'],
    ['a device', () => '/dev/null', 'unsupported'],
    ['a circle of links', circle, 'not-found'],
    ['a name that is too long', () => join(folder, 'n'.repeat(300)), 'not-found'],
  ])('refuses %s', async (_what, path, code) => {
    await expect(openFile(path())).rejects.toMatchObject({
      name: 'UnreadableError',
      code,
      message: expect.stringMatching(/^[^\n]+$/),
    });
  });

  it('refuses a pipe without waiting for a writer', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    await expect(openFile(path)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('pipe'),
    });
  });
});

function circle(): string {
  const path = join(folder, 'circle');
  symlinkSync(path, path);
  return path;
}
