import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openCheckpoint, openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';

const open = (file: string) => openCheckpoint(`fixtures/nested/${file}`);

describe('a checkpoint inside another file', () => {
  it.each([
    ['legacy.pth.gz', 'torch-legacy', 'torch 0.4 or newer, gzip-compressed'],
    ['checkpoint.tar', 'torch-zip', 'torch 2.7 or newer, file "model.pth" of a tar archive'],
    [
      'checkpoint.tar.gz',
      'torch-zip',
      'torch 2.7 or newer, file "run/model.pth" of a tar archive, gzip-compressed',
    ],
    ['deflated.zip', 'torch-zip', 'torch 2.7 or newer, file "run/model.pth" of a zip archive'],
  ])('%s', async (file, kind, era) => {
    const { container, tensors, fileSize } = await open(file);
    expect(container).toMatchObject({ kind, era });
    expect(tensors).toHaveLength(14);
    expect(fileSize).toBe(readFileSync(`fixtures/nested/${file}`).length);
  });

  it('has offsets in the file around it where it stands there as it is', async () => {
    const bytes = readFileSync('fixtures/nested/checkpoint.tar');
    const { storages, source } = await open('checkpoint.tar');
    for (const { fileOffset, bytes: length, content } of storages) {
      const own = await source.read((content as { offset: number }).offset, length);
      expect(bytes.subarray(fileOffset as number, (fileOffset as number) + length).equals(own)).toBe(true);
    }
  });

  it('has none where it was unpacked', async () => {
    for (const file of ['checkpoint.tar.gz', 'deflated.zip', 'legacy.pth.gz']) {
      const { storages } = await open(file);
      expect(storages.map(({ fileOffset }) => fileOffset)).toEqual(storages.map(() => null));
    }
  });

  it('is named where it is one of several', async () => {
    await expect(open('two.zip')).rejects.toMatchObject({
      code: 'not-a-checkpoint',
      message:
        'the file is a zip archive of 2 files, and 2 of them may be checkpoints ("a.pth", "b.pth" …); unpack it and give one of its files',
    });
  });

  it('is told with the name of the file that is damaged', async () => {
    const inner = Buffer.from('<html>no such model</html>');
    await expect(openSource(new MemorySource(gzipSync(inner)))).rejects.toMatchObject({
      code: 'not-a-checkpoint',
      message: expect.stringMatching(/^after gunzip: the file is an HTML or XML page/),
    });
  });

  it('is cut short or damaged with its gzip', async () => {
    const bytes = readFileSync('fixtures/nested/legacy.pth.gz');
    await expect(openSource(new MemorySource(bytes.subarray(0, 4000)))).rejects.toMatchObject({
      code: 'truncated',
    });
    const wrong = Buffer.from(bytes);
    wrong[wrong.length - 6] = 0xff ^ (wrong[wrong.length - 6] as number);
    await expect(openSource(new MemorySource(wrong))).rejects.toMatchObject({ code: 'bad-archive' });
  });

  it('is not looked for without end', async () => {
    let packed = readFileSync('fixtures/nested/legacy.pth.gz');
    for (let i = 0; i < 5; i++) packed = gzipSync(packed);
    await expect(openSource(new MemorySource(packed))).rejects.toMatchObject({ code: 'limit' });
  });

  it('is not unpacked where it is too large', async () => {
    const bomb = gzipSync(Buffer.alloc(257 * 2 ** 20), { level: 1 });
    await expect(openSource(new MemorySource(bomb))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('decompress it with gunzip first'),
    });
  });
});

describe('an archive of stable-baselines3', () => {
  it('is one checkpoint with a key for each of its files', async () => {
    const { tensors, storages, damage, loadable } = await open('stable_baselines3.zip');
    expect(damage).toEqual([]);
    const files = new Set(tensors.map(({ path }) => path[0]));
    expect([...files]).toEqual(['policy.pth', 'policy.optimizer.pth']);
    expect(new Set(storages.map(({ key }) => key)).size).toBe(storages.length);
    expect((await loadable?.())?.notes[0]).toContain('stable-baselines3');
  });
});
