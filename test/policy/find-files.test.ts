import { symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findFiles } from '../../src/policy/find-files.ts';
import { folderOf } from './folder.ts';

const folder = folderOf({
  'a.pth': '',
  'b.txt': '',
  'deep/er/c.PT': '',
  'deep/d.safetensors': '',
  'deep/e.bin': '',
  'deep/f.ckpt': '',
  'deep/.hidden.pth': '',
  'node_modules/x/g.pth': '',
  'odd[1].pth': '',
  'none/readme.md': '',
});
const found = async (paths: string[], passedOver?: (path: string) => boolean) => {
  const { files, barren } = await findFiles(
    paths.map((path) => join(folder, path)),
    passedOver,
  );
  const short = (path: string) => relative(folder, path).replaceAll('\\', '/');
  return { files: files.map(short), barren: barren.map(short) };
};

describe('findFiles', () => {
  it('finds checkpoints by their extension in folders and below, whatever the case', async () => {
    expect(await found(['.'])).toEqual({
      files: ['a.pth', 'deep/d.safetensors', 'deep/e.bin', 'deep/er/c.PT', 'deep/f.ckpt', 'odd[1].pth'],
      barren: [],
    });
  });

  it('takes files as they are named, each once, with any extension or none there', async () => {
    expect((await found(['b.txt', 'a.pth', 'deep', 'deep/e.bin', 'gone.pth'])).files).toEqual([
      'a.pth',
      'b.txt',
      'deep/d.safetensors',
      'deep/e.bin',
      'deep/er/c.PT',
      'deep/f.ckpt',
      'gone.pth',
    ]);
  });

  it('expands globs that no shell has expanded, but not a name that looks like one', async () => {
    expect((await found(['**/*.{pth,bin}'])).files).toEqual(['a.pth', 'deep/e.bin', 'odd[1].pth']);
    expect((await found(['odd[1].pth'])).files).toEqual(['odd[1].pth']);
  });

  it('tells of folders and globs in which nothing was found', async () => {
    expect(await found(['none', '*.onnx'])).toEqual({ files: [], barren: ['none', '*.onnx'] });
  });

  it('passes over what is ignored', async () => {
    expect((await found(['.', 'a.pth'], (path) => path.endsWith('.pth'))).files).not.toContain('a.pth');
  });

  it('follows links to files, as model hubs keep them', async () => {
    const linked = folderOf({ 'blobs/abc': '', 'snapshots/x.txt': '' });
    symlinkSync(join(linked, 'blobs/abc'), join(linked, 'snapshots/model.bin'));
    expect((await findFiles([join(linked, 'snapshots')])).files).toEqual([
      join(linked, 'snapshots/model.bin'),
    ]);
  });
});
