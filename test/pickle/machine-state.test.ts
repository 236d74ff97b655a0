import { describe, expect, it } from 'vitest';
import { MemorySource } from '../../src/io/byte-source.ts';
import { decodePickle } from '../../src/pickle/decoder.ts';
import { global, type StreamPart, stream, string } from '../support/pickle-stream.ts';

/** Texts of one length that differ at their ends, more than can be told apart in good time. */
const LONG = Array.from(
  { length: 2000 },
  (_, index) => `${'k'.repeat(16_400)}${String(index).padStart(4, '0')}`,
);

const pairs = (texts: readonly string[]): StreamPart[] =>
  texts.flatMap((text): StreamPart[] => [...string(text), 'NONE']);
const ids = (texts: readonly string[]): StreamPart[] =>
  texts.flatMap((text): StreamPart[] => [
    'MARK',
    ...string('storage'),
    ...string(text),
    'TUPLE',
    'BINPERSID',
  ]);

describe('keys that are too long to be hashed', () => {
  it.each<[where: string, parts: readonly StreamPart[]]>([
    ['in SETITEMS', ['EMPTY_DICT', 'MARK', ...pairs(LONG), 'SETITEMS']],
    [
      'in SETITEM',
      ['EMPTY_DICT', ...LONG.flatMap((text): StreamPart[] => [...string(text), 'NONE', 'SETITEM'])],
    ],
    ['in DICT', ['MARK', ...pairs(LONG), 'DICT']],
    ['of storages', ['EMPTY_LIST', 'MARK', ...ids(LONG), 'APPENDS']],
    ['as ids by themselves', LONG.flatMap((text): StreamPart[] => [...string(text), 'BINPERSID', 'POP'])],
    ['as names of modules', LONG.flatMap((text): StreamPart[] => [...global(text, 'Net'), 'POP'])],
    [
      'as names from the stack',
      LONG.flatMap((text): StreamPart[] => [...string('net'), ...string(text), 'STACK_GLOBAL', 'POP']),
    ],
  ])('are not compared without end: %s', async (_where, parts) => {
    const bytes = stream('PROTO', { bytes: [4] }, ...parts, 'NONE', 'STOP');
    await expect(decodePickle(new MemorySource(bytes))).rejects.toMatchObject({
      code: 'limit',
      message: expect.stringMatching(/^could not decide: \d+ keys of 164\d\d characters each take too long/),
    });
  });

  it('are read where they are few, and as values where they are many', async () => {
    const keys = stream('EMPTY_DICT', 'MARK', ...pairs(LONG.slice(0, 500)), 'SETITEMS', 'STOP');
    const values = stream('EMPTY_LIST', 'MARK', ...LONG.flatMap(string), 'APPENDS', 'STOP');
    for (const bytes of [keys, values])
      expect((await decodePickle(new MemorySource(bytes))).length).toBe(bytes.length);
  });
});
