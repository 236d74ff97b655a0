import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/policy/load-config.ts';
import { folderOf } from './folder.ts';

describe('loadConfig', () => {
  it('finds a configuration in the folder, and says where', async () => {
    const folder = folderOf({ 'ckpt-doctor.config.json': { extends: 'strict' } });
    expect(await loadConfig(undefined, folder)).toEqual({
      config: { extends: ['strict'] },
      folder,
      file: 'ckpt-doctor.config.json',
    });
  });

  it('takes the key of package.json, and passes over one that has none', async () => {
    const folder = folderOf({
      '.git/HEAD': '',
      'package.json': { 'ckpt-doctor': { maxWarnings: 3 } },
      'a/package.json': {},
    });
    const { config, folder: found } = await loadConfig(undefined, join(folder, 'a'));
    expect({ config, found }).toEqual({ config: { maxWarnings: 3 }, found: folder });
  });

  it('looks no further than the repository, and nowhere else where there is none', async () => {
    const inner = { '.git/HEAD': '', 'b/x.txt': '' };
    const folder = folderOf({
      'ckpt-doctor.config.json': { extends: 'strict' },
      ...Object.fromEntries(Object.entries(inner).map(([name, text]) => [`a/${name}`, text])),
      'c/x.txt': '',
    });
    expect((await loadConfig(undefined, join(folder, 'a/b'))).file).toBeUndefined();
    expect((await loadConfig(undefined, join(folder, 'c'))).config).toEqual({});
    mkdirSync(join(folder, '.git'));
    expect((await loadConfig(undefined, join(folder, 'c'))).config).toEqual({ extends: ['strict'] });
  });

  it('reads what is named, whatever its name', async () => {
    const folder = folderOf({
      'policies/gpu': { failOn: 'info' },
      'package.json': { 'ckpt-doctor': { failOn: 'error' } },
    });
    expect(await loadConfig('policies/gpu', folder)).toMatchObject({
      config: { failOn: 'info' },
      folder: join(folder, 'policies'),
    });
    expect((await loadConfig('package.json', folder)).config).toEqual({ failOn: 'error' });
  });

  it('never runs anything', async () => {
    const folder = folderOf({
      'c.mjs': 'globalThis.ran = true; export default {};',
      'ckpt-doctor.config.js': 'globalThis.ran = true;',
    });
    await expect(loadConfig('c.mjs', folder)).rejects.toThrow('this is no JSON');
    expect((await loadConfig(undefined, folder)).file).toBeUndefined();
    expect('ran' in globalThis).toBe(false);
  });

  it('names the file that is wrong', async () => {
    const folder = folderOf({
      'ckpt-doctor.config.json': '{ "rules": ',
      'empty.json': '',
      'bad.json': { rule: 1 },
    });
    await expect(loadConfig(undefined, folder)).rejects.toThrow(
      /ckpt-doctor\.config\.json: this is no JSON: /,
    );
    await expect(loadConfig('none.json', folder)).rejects.toThrow('none.json: no such file');
    await expect(loadConfig('empty.json', folder)).rejects.toThrow('empty.json: the configuration is empty');
    await expect(loadConfig('bad.json', folder)).rejects.toThrow('bad.json: rule: there is no such key');
  });
});
