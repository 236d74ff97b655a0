import { describe, expect, it } from 'vitest';
import { speaksUnicode, wantsColor } from '../../src/cli/theme.ts';

describe('wantsColor', () => {
  it('is on for terminals and off elsewhere', () => {
    expect(wantsColor({ isTTY: true }, {})).toBe(true);
    expect(wantsColor({}, {})).toBe(false);
    expect(wantsColor({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
  });

  it('is off for --no-color and NO_COLOR, whatever else says', () => {
    expect(wantsColor({ isTTY: true }, { FORCE_COLOR: '1' }, { color: false })).toBe(false);
    expect(wantsColor({ isTTY: true }, { NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
    expect(wantsColor({ isTTY: true }, { NO_COLOR: '' })).toBe(true);
  });

  it('follows FORCE_COLOR', () => {
    expect(wantsColor({}, { FORCE_COLOR: '1' })).toBe(true);
    expect(wantsColor({}, { FORCE_COLOR: '' })).toBe(true);
    expect(wantsColor({ isTTY: true }, { FORCE_COLOR: '0' })).toBe(false);
  });
});

describe('speaksUnicode', () => {
  it('asks the locale, the most specific word first', () => {
    expect(speaksUnicode({ LANG: 'de_DE.UTF-8' }, 'linux')).toBe(true);
    expect(speaksUnicode({ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }, 'linux')).toBe(false);
    expect(speaksUnicode({ LANG: 'C', LC_CTYPE: 'C.utf8' }, 'linux')).toBe(true);
    expect(speaksUnicode({}, 'linux')).toBe(false);
    expect(speaksUnicode({}, 'darwin')).toBe(true);
    expect(speaksUnicode({ WT_SESSION: 'x' }, 'win32')).toBe(true);
    expect(speaksUnicode({}, 'win32')).toBe(false);
  });
});
