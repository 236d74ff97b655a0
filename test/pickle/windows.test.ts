import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { decodePickle } from '../../src/pickle/decoder.ts';
import {
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PyText,
  PyTuple,
  type Value,
} from '../../src/pickle/values.ts';
import { CountingSource } from '../zip/archives.ts';
import { show } from './show.ts';
import { decode, decodedValue, encode, faultOf, type Piece, stream, text, u1, u4, u8 } from './stream.ts';

/** A bit of everything that a state_dict holds. */
async function sample(): Promise<Buffer> {
  const rebuild = new PyGlobal('torch._utils', '_rebuild_tensor_v2');
  const tensors = Array.from({ length: 50 }, (_, i): Value => {
    const id = new PyTuple(['storage', rebuild, String(i), 'cpu', i * 1000]);
    return new PyObject(
      'reduce',
      rebuild,
      new PyTuple([new PyPersistent(id), 2 ** 40 + i, new PyFloat(i / 3)]),
    );
  });
  const keys = tensors.map((_, i) => (i % 3 ? `layer.${i}.weight` : `couche.${i}.é€`));
  return encode(
    new PyList([new PyDict(keys, tensors), new PyObject('reduce', rebuild, new PyTuple(['x'.repeat(500)]))]),
  );
}

describe('a pickle that is read in windows', () => {
  it('decodes to the same, whatever the windows', async () => {
    const bytes = await sample();
    const whole = await decode(bytes);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: bytes.length + 10 }), async (firstRead) => {
        const decoded = await decode(bytes, { firstRead });
        expect(show(decoded.value)).toBe(show(whole.value));
        expect(decoded.length).toBe(whole.length);
        expect(decoded.opcodes).toEqual(whole.opcodes);
        expect(decoded.globals).toEqual(whole.globals);
        expect(decoded.persistents).toHaveLength(whole.persistents.length);
      }),
      { numRuns: 60 },
    );
  });

  it('is cut at every byte of its lines, and read all the same', async () => {
    const bytes = stream(
      'GLOBAL',
      text('mod\nname\n'),
      'UNICODE',
      text('abc\n'),
      'LONG',
      text('12345678901234567890L\n'),
      'TUPLE3',
      'STOP',
    );
    for (let firstRead = 1; firstRead <= bytes.length; firstRead++) {
      const { value } = await decode(bytes, { firstRead });
      expect(show(value)).toBe('(<mod.name>, "abc", 12345678901234567890n)');
    }
  });

  it('reads no byte beyond its windows, and few windows', async () => {
    const bytes = await sample();
    const source = new CountingSource(Buffer.concat([bytes, Buffer.alloc(2 ** 20, 0xff)]));
    await decodePickle(source, 0, { firstRead: 256 });
    expect(source.reads).toBeLessThan(8);
    const atOnce = new CountingSource(bytes);
    await decodePickle(atOnce);
    expect(atOnce.reads).toBe(1);
  });

  it('starts anywhere in its source', async () => {
    const bytes = await sample();
    const source = new MemorySource(Buffer.concat([Buffer.from('before'), bytes]));
    expect(show((await decodePickle(source, 6)).value)).toBe(show(await decodedValue(bytes)));
    await expect(decodePickle(source, source.size + 1)).rejects.toMatchObject({ code: 'truncated' });
  });

  it('passes through one window where it can be read into, and keeps nothing of that', async () => {
    const item = (at: number): Piece[] => [
      'BINBYTES',
      u4(300),
      Buffer.alloc(300, at),
      'BINUNICODE',
      u4(8),
      text(`n${1e6 + at}`),
      'LONG1',
      Buffer.from([2, at & 0xff, 1]),
      'BINSTRING',
      u4(2),
      Buffer.from([0xff, at & 0xff]),
    ];
    const bytes = stream('MARK', ...Array.from({ length: 9000 }, (_, at) => item(at)).flat(), 'LIST', 'STOP');
    expect(bytes.length).toBeGreaterThan(2.5 * 2 ** 20);
    const windows = new Set<ArrayBufferLike>();
    const source = {
      size: bytes.length,
      read: () => Promise.reject(new Error('it can be read into')),
      async readInto(offset: number, into: Uint8Array) {
        windows.add(into.buffer);
        into.set(bytes.subarray(offset, offset + into.length));
      },
    };
    const { value, length } = await decodePickle(source);
    expect(length).toBe(bytes.length);
    expect(windows.size).toBe(1);
    const [window] = windows;
    new Uint8Array(window as ArrayBuffer).fill(0);
    expect(show(value)).toBe(show(await decodedValue(bytes)));
  });

  it('fails in the same words when it is cut', async () => {
    const bytes = await sample();
    for (const length of [1, 2, 100, bytes.length - 1]) {
      const cut = bytes.subarray(0, length);
      const whole = (await faultOf(cut)) as Error;
      const windowed = (await decode(cut, { firstRead: 1 }).catch((error) => error)) as Error;
      expect(windowed.message).toBe(whole.message);
    }
  });
});

describe('a long payload', () => {
  const LONG = 2 ** 20 + 1;
  const payload = Buffer.alloc(LONG, 'a');

  it.each([
    ['BINUNICODE', u4(LONG), 'text'],
    ['BINUNICODE8', u8(LONG), 'text'],
    ['BINSTRING', u4(LONG), 'str2'],
    ['BINBYTES', u4(LONG), 'bytes'],
    ['BINBYTES8', u8(LONG), 'bytes'],
    ['BYTEARRAY8', u8(LONG), 'bytearray'],
  ] as const)('of %s stays where it is', async (name, length, type) => {
    const bytes = stream(name, length, payload, 'STOP');
    const source = new MemorySource(Buffer.concat([Buffer.from('head'), bytes]));
    const { value, longPayloads } = await decodePickle(source, 4);
    const offset = 1 + length.length;
    expect(show(value)).toBe(`${type} of ${LONG} at ${4 + offset}`);
    expect(longPayloads).toEqual([{ offset, length: LONG, opcode: name }]);
    const range = value instanceof PyText ? value.range : (value as PyBytes).content;
    expect(range).toMatchObject({ source, offset: 4 + offset, length: LONG });
  });

  it('is passed over without being read', async () => {
    const bytes = stream('BINBYTES', u4(LONG), payload, 'EMPTY_LIST', 'TUPLE2', 'STOP');
    let fetched = 0;
    const source = {
      size: bytes.length,
      read: async (offset: number, length: number) => {
        fetched += length;
        return bytes.subarray(offset, offset + length);
      },
    };
    await decodePickle(source, 0, { firstRead: 16 });
    expect(fetched).toBeLessThan(200);
  });

  it('of 1 MiB is held, and its bytes are its own', async () => {
    const bytes = stream('BINBYTES', u4(2 ** 20), payload.subarray(1), 'STOP');
    const { value, longPayloads } = await decode(bytes);
    bytes.fill(0);
    expect(value).toBeInstanceOf(PyBytes);
    expect((value as PyBytes).offset).toBe(5);
    expect(Buffer.from((value as PyBytes).content as Uint8Array).equals(payload.subarray(1))).toBe(true);
    expect(longPayloads).toEqual([]);
  });

  it('that is no text is held, however long', async () => {
    const digits = Buffer.alloc(LONG, 0);
    digits[LONG - 1] = 1;
    const value = await decodedValue(stream('LONG4', u4(LONG), digits, 'STOP'));
    expect(value).toBe(1n << BigInt(8 * (LONG - 1)));
  });

  it('stays in the source from any length on that is asked for', async () => {
    const bytes = stream(
      'SHORT_BINBYTES',
      u1(3),
      text('abc'),
      'SHORT_BINUNICODE',
      u1(2),
      text('de'),
      'SHORT_BINSTRING',
      u1(2),
      text('fg'),
      'TUPLE3',
      'STOP',
    );
    const { value, longPayloads } = await decode(bytes, { longestHeld: 1 });
    expect(show(value)).toBe('(bytes of 3 at 2, text of 2 at 7, str2 of 2 at 11)');
    expect(longPayloads).toEqual([]);
  });
});
