import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cutEnd,
  cutMiddle,
  padEnd,
  padStart,
  visible,
  widthOf,
  wrap,
} from '../../../src/report/terminal/text.ts';

const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
});

describe('visible', () => {
  it('spells out what a terminal would obey or hide', () => {
    expect(visible('a\u001b[31mb')).toBe('a\\e[31mb');
    expect(visible('a\nb\tc\r\u0000\u007f\u009b')).toBe('a\\nb\\tc\\r\\x00\\x7f\\x9b');
    expect(visible('gpj.\u202eexe\u2066\u200b\ufeff\u2028')).toBe(
      'gpj.\\u202eexe\\u2066\\u200b\\ufeff\\u2028',
    );
    expect(visible('\ud800x\u{e0041}')).toBe('\\ud800x\\u{e0041}');
  });

  it('leaves letters of any script, and spells them out where there is only ASCII', () => {
    expect(visible('käse 重み 😀')).toBe('käse 重み 😀');
    expect(visible('käse 重み 😀', false)).toBe('k\\xe4se \\u91cd\\u307f \\u{1f600}');
  });

  it('leaves nothing unsafe, whatever the text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(visible(text)).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
        expect(visible(text, false)).toMatch(/^[ -~]*$/);
      }),
    );
  });
});

describe('widthOf', () => {
  it('counts columns, not characters', () => {
    expect(widthOf('abc')).toBe(3);
    expect(widthOf('重み')).toBe(4);
    expect(widthOf('e\u0301')).toBe(1);
    expect(widthOf('😀')).toBe(2);
  });
});

describe('cutEnd and cutMiddle', () => {
  it('keep what fits', () => {
    expect(cutEnd('abcdef', 6)).toBe('abcdef');
    expect(cutMiddle('abcdef', 6)).toBe('abcdef');
  });

  it('cut at the end, or in the middle', () => {
    expect(cutEnd('abcdefgh', 5)).toBe('abcd…');
    expect(cutMiddle('layers.0.attention.weight', 11)).toBe('layer…eight');
    expect(cutEnd('abcdefgh', 5, '...')).toBe('ab...');
  });

  it('never pass the width', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat({ max: 30 }), (text, width) => {
        const shown = visible(text);
        expect(widthOf(cutEnd(shown, width))).toBeLessThanOrEqual(width);
        expect(widthOf(cutMiddle(shown, width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe('padEnd and padStart', () => {
  it('fill columns', () => {
    expect(padEnd('重', 4)).toBe('重  ');
    expect(padStart('ab', 4)).toBe('  ab');
    expect(padEnd('abcde', 4)).toBe('abcde');
  });
});

describe('wrap', () => {
  it('breaks at spaces, and words that are too long where it must', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('abcdefghij k', 4)).toEqual(['abcd', 'efgh', 'ij k']);
    expect(wrap('', 4)).toEqual([]);
  });

  it('loses nothing and keeps the width', () => {
    fc.assert(
      fc.property(fc.lorem(), fc.integer({ min: 4, max: 40 }), (text, width) => {
        const lines = wrap(text, width);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      }),
    );
  });
});
