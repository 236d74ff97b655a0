import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { UnreadableError } from '../../src/io/errors.ts';
import { decodePickle } from '../../src/pickle/decoder.ts';
import { disassemble, type Instruction, LONGEST_SHOWN } from '../../src/pickle/disassembler.ts';
import { Random } from '../fuzz/random.ts';
import { makeStream } from '../fuzz/streams.ts';
import { checkpointPickle } from '../support/pickle-stream.ts';
import { stream, text, u1, u4 } from './stream.ts';

async function listing(bytes: Uint8Array, start = 0): Promise<Instruction[]> {
  const all: Instruction[] = [];
  for await (const batch of disassemble(new MemorySource(bytes), start)) all.push(...batch);
  return all;
}

describe('disassemble', () => {
  it('gives each opcode with its offset and argument', async () => {
    const bytes = stream(
      'PROTO',
      u1(2),
      'BINUNICODE',
      u4(2),
      text('ab'),
      'GLOBAL',
      text('os\nsystem\n'),
      'TUPLE1',
      'STOP',
    );
    expect(await listing(bytes)).toEqual([
      { offset: 0, code: 0x80, name: 'PROTO', argument: 2 },
      { offset: 2, code: 0x58, name: 'BINUNICODE', argument: Buffer.from('ab') },
      { offset: 9, code: 0x63, name: 'GLOBAL', argument: 'os system' },
      { offset: 20, code: 0x85, name: 'TUPLE1', argument: undefined },
      { offset: 21, code: 0x2e, name: 'STOP', argument: undefined },
    ]);
  });

  it('starts where it is told and ends with STOP', async () => {
    const bytes = Buffer.concat([text('before'), checkpointPickle(), text('behind')]);
    const all = await listing(bytes, 6);
    expect(all[0]).toMatchObject({ offset: 0, name: 'PROTO' });
    expect(all.at(-1)).toMatchObject({ name: 'STOP', offset: checkpointPickle().length - 1 });
  });

  it('shows the start of a long payload and passes over the rest, over windows too', async () => {
    const length = 3 * 2 ** 20;
    const bytes = stream('BINBYTES', u4(length), Buffer.alloc(length, 7), 'NONE', 'STOP');
    const [payload, none] = await listing(bytes);
    expect(payload).toMatchObject({ length });
    expect(payload?.argument).toHaveLength(LONGEST_SHOWN);
    expect(none).toMatchObject({ name: 'NONE', offset: length + 5 });
  });

  it('finds the end of a line that is longer than a window', async () => {
    const digits = '7'.repeat(2 ** 21);
    const [line, stop] = await listing(stream('LONG', text(`${digits}\n`), 'STOP'));
    expect(line?.argument).toBe(digits);
    expect(stop).toMatchObject({ name: 'STOP' });
  });

  it.each([
    ['a byte that is no opcode', stream('NONE', Buffer.of(0xfe)), 'bad-pickle', 1],
    ['a stream without STOP', stream('NONE'), 'truncated', 1],
    ['a payload that is not there', stream('BINBYTES', u4(9), text('ab')), 'truncated', 0],
    ['a line without an end', stream('NONE', 'GLOBAL', text('os\nsys')), 'truncated', 1],
    ['a length below 0', stream('BINSTRING', u4(2 ** 31)), 'bad-pickle', 0],
    ['nothing', Buffer.alloc(0), 'truncated', 0],
  ])('stops at %s, and says where', async (_name, bytes, code, offset) => {
    const fault = await listing(bytes).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(UnreadableError);
    expect(fault).toMatchObject({ code, offset });
  });

  it('counts the opcodes that the machine runs', async () => {
    for (let seed = 0; seed < 300; seed++) {
      const bytes = Buffer.concat(makeStream(new Random(seed)));
      const decoded = await decodePickle(new MemorySource(bytes)).catch(() => undefined);
      if (!decoded) continue;
      const counts = new Uint32Array(256);
      for (const { code } of await listing(bytes)) counts[code] = (counts[code] as number) + 1;
      expect(counts).toEqual(decoded.opcodes);
    }
  });
});
