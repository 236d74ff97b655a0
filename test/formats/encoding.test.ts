import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Archive } from '../../src/formats/archive.ts';
import { openCheckpoint } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { readSegment, type Segment } from '../../src/io/segment.ts';
import { decodePickle } from '../../src/pickle/decoder.ts';
import { encodePickle } from '../../src/pickle/encoder.ts';

/** In these Python held two objects for equal strings, and its pickler wrote both; our graph has one. */
const EQUAL_STRINGS = [
  'broken/prefix_nested.pth',
  'broken/half_and_bfloat16.pth',
  'broken/half_with_float_ema.pth',
  'broken/compiled_beside_ddp.pth',
  'broken/weight_norm.pth',
  'broken/weight_norm_parametrized.pth',
  'broken/path.pth',
  'clean/quantized_linear.pth',
  'clean/conj_and_neg.pth',
  'clean/dtensor.pth',
  'clean/keys_of_all_kinds.pt',
  'clean/containers.pt',
];

/** Files whose pickle torch wrote in protocol 2, the one that we write. */
const PROTOCOL_2 = (JSON.parse(readFileSync('fixtures/expected.json', 'utf8')).files as { file: string }[])
  .map(({ file }) => file)
  .filter((file) => /^(clean|broken|torch-1\.13)/.test(file) && !/protocol_[^2]/.test(file));

async function bytesOf(segments: readonly Segment[]): Promise<Buffer> {
  return Buffer.concat(await Promise.all(segments.map((segment) => readSegment(segment, 1 << 24))));
}

/** The pickle as torch wrote it, and as we encode what we read from it. */
async function bothPickles(file: string): Promise<{ torch: Buffer; ours: Buffer }> {
  const checkpoint = await openCheckpoint(`fixtures/${file}`);
  const record = (await Archive.open(checkpoint.source)).content('data.pkl');
  const torch = await bytesOf(record ? [record] : []);
  const ours = await bytesOf(encodePickle(checkpoint.root).content);
  await checkpoint.close();
  return { torch, ours };
}

describe('a value graph that nothing changed', () => {
  it.each(PROTOCOL_2.filter((file) => !EQUAL_STRINGS.includes(file)))(
    '%s encodes to the bytes that torch wrote',
    async (file) => {
      const { torch, ours } = await bothPickles(file);
      expect(ours.equals(torch)).toBe(true);
    },
  );

  it.each(EQUAL_STRINGS)('%s encodes to fewer bytes, and to the same ones ever after', async (file) => {
    const { torch, ours } = await bothPickles(file);
    expect(ours.length).toBeLessThan(torch.length);
    const again = await decodePickle(new MemorySource(ours));
    expect((await bytesOf(encodePickle(again.value).content)).equals(ours)).toBe(true);
  });
});
