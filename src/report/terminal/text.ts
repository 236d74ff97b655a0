import { PRINTABLE_ASCII } from '../../diagnose/wording.ts';

/**
 * Characters that a terminal obeys or hides: C0 and C1 controls, zero-width and bidirectional marks, line separators, tag
 * characters, halves of surrogate pairs. Names in files may hold them to fake what is on the screen.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;
const NOT_ASCII = /[^ -~]/gu;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u001b': '\\e' };

/** Text from a file, fit for a terminal: what would be obeyed or hidden there is spelled out as `\u202e`. */
export function visible(text: string, unicode = true): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  return text.replace(unicode ? UNSAFE : NOT_ASCII, escapeCharacter);
}

/** The dotted name of a tensor, fit for a terminal. What is itself the whole file has no name in it. */
export function nameText(name: string, unicode = true): string {
  return visible(name, unicode) || '(root)';
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) as number;
  if (NAMED[character]) return NAMED[character];
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`;
}

const COMBINING = /^\p{M}$/u;

/** Columns that the text takes on a terminal. Expects visible text without colour codes. */
export function widthOf(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

function widthOfCharacter(character: string): number {
  const code = character.codePointAt(0) as number;
  if (code < 0x300 || isSymbol(code)) return 1;
  if (COMBINING.test(character) || (code >= 0xfe00 && code <= 0xfe0f)) return 0;
  return isWide(code) ? 2 : 1;
}

/** Punctuation, arrows, lines and blocks, as our own text has them: told apart before an expression over all of Unicode is made. */
function isSymbol(code: number): boolean {
  return (code >= 0x2010 && code < 0x20d0) || (code >= 0x2100 && code < 0x2c00);
}

/** East Asian wide and fullwidth blocks, and emoji. */
function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf && code !== 0x303f) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

/** The longest beginning of at most `width` columns. */
function beginning(text: string, width: number): string {
  if (PRINTABLE_ASCII.test(text)) return text.slice(0, width);
  let taken = 0;
  let end = 0;
  for (const character of text) {
    taken += widthOfCharacter(character);
    if (taken > width) break;
    end += character.length;
  }
  return text.slice(0, end);
}

function ending(text: string, width: number): string {
  if (PRINTABLE_ASCII.test(text)) return text.slice(text.length - width);
  const characters = [...text];
  let taken = 0;
  let begin = characters.length;
  while (begin > 0) {
    taken += widthOfCharacter(characters[begin - 1] as string);
    if (taken > width) break;
    begin -= 1;
  }
  return characters.slice(begin).join('');
}

/** Cut at the end to at most `width` columns, the ellipsis included. */
export function cutEnd(text: string, width: number, ellipsis = '…'): string {
  // a column takes at most a few code units; this keeps a name of megabytes from being measured
  const bounded = text.length > width * 8 + 8 ? text.slice(0, width * 8 + 8) : text;
  if (widthOf(bounded) <= width) return bounded;
  if (width <= ellipsis.length) return ellipsis.slice(0, Math.max(0, width));
  return beginning(bounded, width - ellipsis.length) + ellipsis;
}

/** Cut in the middle to at most `width` columns: both ends of a dotted name say more than its middle. */
export function cutMiddle(text: string, width: number, ellipsis = '…'): string {
  if (text.length <= width * 8 && widthOf(text) <= width) return text;
  if (width <= ellipsis.length + 2) return cutEnd(text, width, ellipsis);
  const room = width - ellipsis.length;
  const tail = Math.floor(room / 2);
  return beginning(text, room - tail) + ellipsis + ending(text, tail);
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text;
}

/** Lines of at most `width` columns, broken at spaces; a word that is longer is broken where it must be. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').filter((each) => each !== '')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) <= width) {
      line += ` ${word}`;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (widthOf(line) > width) {
      const head = beginning(line, width) || line.slice(0, 1);
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}
