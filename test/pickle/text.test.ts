import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeQuoted, decodeRawUnicodeEscape, decodeText, encodeText } from '../../src/pickle/text.ts';
import { TextWindow } from '../../src/pickle/text-window.ts';

/** Any UTF-16, lone surrogates and all. */
const anyText = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd7f0, max: 0xe010 })), {
    maxLength: 40,
  })
  .map((units) => String.fromCharCode(...units));

describe('text', () => {
  it('reads back as it was written, lone surrogates too', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(decodeText(encodeText(text))).toBe(text);
      }),
    );
  });

  it('is plain UTF-8 where it is well formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(encodeText(text)).toEqual(Buffer.from(text, 'utf8'));
      }),
    );
  });

  it('reads no bytes but those that surrogatepass writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const text = decodeText(Buffer.from(bytes));
        // a pair of surrogates that was written as two halves is read as Python reads it: as the halves
        if (text !== undefined && !hasSplitPair(bytes)) expect([...encodeText(text)]).toEqual([...bytes]);
      }),
      {
        examples: [
          [Uint8Array.of(0xed, 0xa0, 0x80)],
          [Uint8Array.of(0xc0, 0x80)],
          [Uint8Array.of(0xf4, 0x90, 0x80, 0x80)],
        ],
      },
    );
  });

  it.each([
    ['a lone continuation', [0x80]],
    ['a cut character', [0xe2, 0x82]],
    ['an overlong form', [0xc0, 0x80]],
    ['more than U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a cut surrogate', [0xed, 0xa0]],
    ['a surrogate with a broken end', [0xed, 0xa0, 0x41]],
    ['a fault before a surrogate', [0xff, 0xed, 0xa0, 0x80]],
    ['a fault after a surrogate', [0xed, 0xa0, 0x80, 0xff]],
  ])('is not %s', (_what, bytes) => {
    expect(decodeText(Buffer.from(bytes))).toBeUndefined();
  });

  it('keeps a byte order mark', () => {
    expect(decodeText(Buffer.from('\ufeffa'))).toBe('\ufeffa');
  });
});

function hasSplitPair(bytes: Uint8Array): boolean {
  for (let i = 0; i + 5 < bytes.length; i++) {
    const isHigh = bytes[i] === 0xed && ((bytes[i + 1] as number) & 0xf0) === 0xa0;
    if (isHigh && bytes[i + 3] === 0xed && ((bytes[i + 4] as number) & 0xf0) === 0xb0) return true;
  }
  return false;
}

describe('TextWindow', () => {
  it('reads what decodeText reads, in any order', () => {
    const window = Buffer.from(`${'ascii text '.repeat(20_000)}é€😀${'tail'.repeat(10)}`);
    const texts = new TextWindow();
    texts.open(window);
    fc.assert(
      fc.property(fc.nat(window.length), fc.nat(200_000), (start, length) => {
        const end = Math.min(window.length, start + length);
        expect(texts.read(start, end) === decodeText(window, start, end)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('forgets a window when the next is opened', () => {
    const texts = new TextWindow();
    texts.open(Buffer.from('first'));
    expect(texts.read(0, 5)).toBe('first');
    texts.open(Buffer.from('other'));
    expect(texts.read(0, 5)).toBe('other');
  });
});

describe('the escapes of protocol 0', () => {
  it.each([
    ['\\u20ac', '€'],
    ['\\U0001F600', '😀'],
    ['\\U00110000', '\\U00110000'],
    ['\\u12', '\\u12'],
    ['\\n\\\\', '\\n\\\\'],
    ['\u00e9', 'é'],
  ])('UNICODE %s is %s', (line, expected) => {
    expect(decodeRawUnicodeEscape(line)).toBe(expected);
  });

  it.each([
    ["'abc'", 'abc'],
    ["  'a'  ", 'a'],
    ['"it\'s"', "it's"],
    ["'\\x41\\102\\7\\0'", 'AB\x07\0'],
    ["'\\a\\b\\f\\n\\r\\t\\v\\\\\\''", "\x07\b\f\n\r\t\v\\'"],
    ["'\\q'", '\\q'],
    ["'\\777'", '\xff'],
    ["''", ''],
  ])('STRING %s', (line, expected) => {
    expect(decodeQuoted(line)?.toString('latin1')).toBe(expected);
  });

  it.each(['', "'", 'abc', "'abc", '\'abc"', "'\\'", "'\\x'", "'\\x4'"])('STRING %s is none', (line) => {
    expect(decodeQuoted(line)).toBeUndefined();
  });
});
