import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ArgumentForm, OPCODES, Op, opcodeName } from '../../src/pickle/opcodes.ts';

/** Name, byte, first protocol and form of the argument, as Python's pickletools has them. */
const PICKLETOOLS: [string, number, number, string | null][] = JSON.parse(
  readFileSync('test/pickle/cpython.json', 'utf8'),
).opcodes;

const FORMS: Readonly<Record<string, ArgumentForm>> = {
  uint1: 'u1',
  uint2: 'u2',
  int4: 'i4',
  uint4: 'u4',
  uint8: 'u8',
  float8: 'f8',
  stringnl: 'line',
  stringnl_noescape: 'line',
  unicodestringnl: 'line',
  decimalnl_short: 'line',
  decimalnl_long: 'line',
  floatnl: 'line',
  stringnl_noescape_pair: 'lines',
  string1: 'run1',
  bytes1: 'run1',
  unicodestring1: 'run1',
  long1: 'run1',
  string4: 'run4s',
  long4: 'run4s',
  bytes4: 'run4',
  unicodestring4: 'run4',
  bytes8: 'run8',
  unicodestring8: 'run8',
  bytearray8: 'run8',
};

describe('the table of opcodes', () => {
  it.each(PICKLETOOLS)('has %s as pickletools has it', (name, code, protocol, argument) => {
    const form = argument === null ? 'none' : FORMS[argument];
    expect(OPCODES[code]).toEqual({ code, name, protocol, argument: form });
    expect(Op[name as keyof typeof Op]).toBe(code);
  });

  it('has no other', () => {
    expect(PICKLETOOLS).toHaveLength(68);
    expect(OPCODES.filter((opcode) => opcode)).toHaveLength(68);
    expect(opcodeName(0xff)).toBe('0xff');
  });
});
