import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import {
  type InflatedRange,
  readSegment,
  type Segment,
  segmentLength,
  streamSegment,
} from '../../src/io/segment.ts';

const text = Buffer.from('tensor '.repeat(100_000));

function inflated(deflated: Uint8Array, length: number): InflatedRange {
  const padded = Buffer.concat([Buffer.from('<<'), deflated, Buffer.from('>>')]);
  return { deflated: { source: new MemorySource(padded), offset: 2, length: deflated.length }, length };
}

async function streamed(segment: Segment, chunkSize: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of streamSegment(segment, chunkSize)) chunks.push(chunk);
  return chunks;
}

const segments: [string, Segment][] = [
  ['bytes', text],
  [
    'a range',
    { source: new MemorySource(Buffer.concat([Buffer.from('..'), text])), offset: 2, length: text.length },
  ],
  ['deflated bytes', inflated(deflateRawSync(text), text.length)],
];

describe.each(segments)('a segment of %s', (kind, segment) => {
  it('knows its length', () => {
    expect(segmentLength(segment)).toBe(text.length);
  });

  it('is read as a whole, up to a limit', async () => {
    expect(text.equals(await readSegment(segment, text.length))).toBe(true);
    await expect(readSegment(segment, text.length - 1)).rejects.toMatchObject({ code: 'limit' });
  });

  it('is streamed', async () => {
    const chunks = await streamed(segment, 10_000);
    expect(text.equals(Buffer.concat(chunks))).toBe(true);
    if (kind !== 'bytes') expect(Math.max(...chunks.map((chunk) => chunk.length))).toBe(10_000);
  });
});

describe('deflated bytes', () => {
  const deflated = deflateRawSync(text);
  const noise = deflateRawSync(Buffer.from('a few words that do not repeat'));
  const cases: [string, InflatedRange, RegExp][] = [
    ['that give more than declared', inflated(deflated, text.length - 1), /more than the declared 699999/],
    ['that give less than declared', inflated(noise, 31), /30 bytes, not the declared 31/],
    [
      'that end before their length',
      inflated(Buffer.concat([noise, Buffer.from('rest')]), 30),
      /before its end/,
    ],
    ['that are cut', inflated(deflated.subarray(0, -5), text.length), /damaged \(unexpected end of file\)/],
    ['that are none', inflated(Buffer.alloc(50, 0xff), 100), /damaged/],
    ['that could never give as much as declared', inflated(deflated, 2 ** 40), /can give at most/],
  ];
  it.each(cases)('%s are refused', async (_what, segment, message) => {
    const error = { code: 'bad-archive', message: expect.stringMatching(message), offset: 2 };
    await expect(readSegment(segment, 2 ** 41)).rejects.toMatchObject(error);
    await expect(streamed(segment, 1000)).rejects.toMatchObject(error);
  });

  it('pass on what their source throws', async () => {
    const source = new MemorySource(deflated);
    const segment = { deflated: { source, offset: 10, length: deflated.length }, length: text.length };
    await expect(streamed(segment, 1000)).rejects.toMatchObject({ code: 'truncated' });
  });

  it('give nothing where nothing is declared', async () => {
    expect(await readSegment(inflated(deflateRawSync(Buffer.alloc(0)), 0), 0)).toHaveLength(0);
  });
});
