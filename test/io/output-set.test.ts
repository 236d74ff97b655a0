import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOutputFile, type OutputFile } from '../../src/io/output-file.ts';
import { publishSet } from '../../src/io/output-set.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ckpt-doctor-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function written(name: string, force = false): Promise<OutputFile> {
  const file = await createOutputFile(join(folder, name), { force });
  await file.write(0, Buffer.from(`new ${name}`));
  return file;
}

describe('publishSet', () => {
  it('gives all files their names', async () => {
    await publishSet([await written('a'), await written('b')], await written('index'));
    expect(readdirSync(folder).sort()).toEqual(['a', 'b', 'index']);
    expect(readFileSync(join(folder, 'index'), 'utf8')).toBe('new index');
  });

  it('takes back what it gave where one of the names is taken meanwhile', async () => {
    const files = [await written('a'), await written('b')];
    const lead = await written('index');
    writeFileSync(join(folder, 'b'), 'of somebody else');
    await expect(publishSet(files, lead)).rejects.toThrow(/exists/);
    for (const file of [...files, lead]) await file.abort();
    expect(readdirSync(folder)).toEqual(['b']);
    expect(readFileSync(join(folder, 'b'), 'utf8')).toBe('of somebody else');
  });

  it('removes an older leader before the first of the files changes', async () => {
    for (const name of ['a', 'index']) writeFileSync(join(folder, name), 'old');
    const file = await written('a', true);
    let stood: boolean | undefined;
    const publish = file.publish.bind(file);
    file.publish = () => {
      stood = existsSync(join(folder, 'index'));
      return publish();
    };
    await publishSet([file], await written('index', true));
    expect(stood).toBe(false);
    expect(readFileSync(join(folder, 'index'), 'utf8')).toBe('new index');
  });
});
