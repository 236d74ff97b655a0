import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../../src/io/byte-source.ts';
import { SequentialReader } from '../../src/io/sequential-reader.ts';

function counted(bytes: Buffer): ByteSource & { reads: number } {
  return {
    size: bytes.length,
    reads: 0,
    async read(offset, length) {
      this.reads++;
      return bytes.subarray(offset, offset + length);
    },
  };
}

const BYTES = Buffer.from(Array.from({ length: 700_000 }, (_, i) => i % 251));

describe('a sequential reader', () => {
  it('gives small pieces in order with few reads', async () => {
    const source = counted(BYTES);
    const reader = new SequentialReader(source, 10);
    for (let i = 0; i < 1000; i++) {
      expect((await reader.take(7)).equals(BYTES.subarray(10 + 7 * i, 17 + 7 * i))).toBe(true);
    }
    expect(source.reads).toBe(1);
  });

  it('goes wherever it is put, and back', async () => {
    const reader = new SequentialReader(counted(BYTES));
    for (const position of [650_000, 3, 300_000, 299_999]) {
      reader.position = position;
      expect((await reader.take(4)).equals(BYTES.subarray(position, position + 4))).toBe(true);
    }
  });

  it('looks ahead as far as there is something', async () => {
    const reader = new SequentialReader(counted(BYTES), BYTES.length - 5);
    expect((await reader.ahead(4096)).length).toBe(5);
    expect(reader.position).toBe(BYTES.length - 5);
    await expect(reader.take(6)).rejects.toMatchObject({ code: 'truncated' });
  });
});
