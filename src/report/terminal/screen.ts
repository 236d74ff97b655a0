/** Colours a piece of text. */
export type Ink = (text: string) => string;

/** Meanings, not colours: the command line chooses which colour each has, or none. */
export interface Inks {
  readonly title: Ink;
  readonly faint: Ink;
  readonly number: Ink;
  readonly good: Ink;
  readonly error: Ink;
  readonly warning: Ink;
  readonly info: Ink;
  readonly command: Ink;
}

const plain: Ink = (text) => text;

export const NO_INKS: Inks = {
  title: plain,
  faint: plain,
  number: plain,
  good: plain,
  error: plain,
  warning: plain,
  info: plain,
  command: plain,
};

/** Characters to draw with. */
export interface Glyphs {
  readonly branch: string;
  readonly last: string;
  readonly pass: string;
  readonly blank: string;
  readonly ellipsis: string;
  readonly range: string;
  readonly dot: string;
  readonly times: string;
  readonly error: string;
  readonly warning: string;
  readonly info: string;
  readonly good: string;
  readonly bar: string;
}

export const UNICODE_GLYPHS: Glyphs = {
  branch: '├─ ',
  last: '└─ ',
  pass: '│  ',
  blank: '   ',
  ellipsis: '…',
  range: '–',
  dot: ' · ',
  times: '×',
  error: '✖',
  warning: '▲',
  info: '●',
  good: '✔',
  bar: '█',
};

export const ASCII_GLYPHS: Glyphs = {
  branch: '|- ',
  last: '`- ',
  pass: '|  ',
  blank: '   ',
  ellipsis: '...',
  range: '-',
  dot: ', ',
  times: 'x',
  error: 'x',
  warning: '!',
  info: 'i',
  good: '+',
  bar: '#',
};

/** What the report is drawn on. */
export interface Screen {
  /** Columns. */
  readonly width: number;
  /** Lines that one report should fit. */
  readonly height: number;
  readonly unicode: boolean;
  readonly inks: Inks;
  readonly glyphs: Glyphs;
}

/** Below this many columns tables take their short forms. */
const NARROW = 64;
/** Lines longer than this are hard to follow across a wide window. */
const WIDEST = 120;
/** No table fits below this; a narrower window wraps for itself. */
const NARROWEST = 40;

export function screen(options: {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly unicode?: boolean;
  readonly inks?: Inks;
}): Screen {
  const unicode = options.unicode ?? true;
  return {
    width: Math.min(WIDEST, Math.max(NARROWEST, options.width ?? 80)),
    height: options.height ?? 40,
    unicode,
    inks: options.inks ?? NO_INKS,
    glyphs: unicode ? UNICODE_GLYPHS : ASCII_GLYPHS,
  };
}

export function isNarrow({ width }: Screen): boolean {
  return width < NARROW;
}
