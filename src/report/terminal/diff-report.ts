import { backendText } from '../backend-entry.ts';
import type { ChangedTensor, DiffDocument, DiffSide, LoneTensor, NumbersEntry } from '../diff-document.ts';
import { CONTAINERS } from './containers.ts';
import { bytesText, counted, grouped } from './numbers.ts';
import { type PrefixChange, prefixChanges } from './prefix-changes.ts';
import { isNarrow, type Screen } from './screen.ts';
import { cutEnd, cutMiddle, nameText, padEnd, padStart, visible, widthOf, wrap } from './text.ts';

export interface DiffReportOptions {
  /** Cut no list. */
  readonly all?: boolean;
  /** Only the last line. */
  readonly quiet?: boolean;
}

/** Lines of a list that are shown. */
const MOST_LINES = 12;
/** Columns that a name needs to be told from others. */
const SHORTEST_NAME = 16;

/** What `diff` prints for a person, line by line. */
export function* diffReport(
  document: DiffDocument,
  options: DiffReportOptions,
  screen: Screen,
): Generator<string> {
  if (!options.quiet) {
    yield* sideLines(document, screen);
    for (const note of document.notes) yield* wrap(visible(note, screen.unicode), screen.width);
    const sections = [
      loneSection('Only in a', '-', document.removed, options, screen),
      loneSection('Only in b', '+', document.added, options, screen),
      renamedSection(document, options, screen),
      changedSection(document, options, screen),
      valuesSection(document, options, screen),
      metadataSection(document, options, screen),
    ];
    for (const section of sections) {
      if (section.length === 0) continue;
      yield '';
      yield* section;
    }
    yield '';
  }
  yield* verdictLines(document, screen);
}

function sideLines({ a, b }: DiffDocument, screen: Screen): string[] {
  const { inks, glyphs, width, unicode } = screen;
  const facts = ({ container, tensors }: DiffSide) =>
    `${CONTAINERS[container] ?? container}, ${counted(tensors, 'tensor')}`;
  return [
    ...(['a', 'b'] as const).flatMap((side) => {
      const entry = side === 'a' ? a : b;
      const size = bytesText(entry.bytes);
      const name = cutMiddle(visible(entry.path, unicode), width - size.length - 5, glyphs.ellipsis);
      return [`${inks.title(`${side}  ${name}`)}  ${inks.number(size)}`, inks.faint(`   ${facts(entry)}`)];
    }),
  ];
}

/** Cuts a list, and says how much is missing. */
function cut(lines: readonly string[], { all }: DiffReportOptions, { inks, glyphs }: Screen): string[] {
  if (all || lines.length <= MOST_LINES) return [...lines];
  const shown = lines.slice(0, MOST_LINES - 1);
  const rest = lines.length - shown.length;
  return [...shown, inks.faint(`  ${glyphs.ellipsis} ${grouped(rest)} more (--all)`)];
}

function loneSection(
  title: string,
  mark: string,
  tensors: readonly LoneTensor[],
  options: DiffReportOptions,
  screen: Screen,
): string[] {
  if (tensors.length === 0) return [];
  const { inks, glyphs, width, unicode } = screen;
  const bytes = tensors.reduce((sum, tensor) => sum + Number(tensor.bytes), 0);
  const ink = mark === '+' ? inks.good : inks.error;
  const details = tensors.map(({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`);
  const sizes = tensors.map((tensor) => bytesText(tensor.bytes));
  const shown = options.all ? tensors.length : MOST_LINES;
  const detailColumn = Math.min(28, Math.max(...details.slice(0, shown).map(widthOf)));
  const lines = tensors.map(({ name }, index) => {
    const tail = `${padEnd(cutEnd(details[index] as string, detailColumn, glyphs.ellipsis), detailColumn)}${padStart(sizes[index] as string, 9)}`;
    const room = width - 6 - widthOf(tail);
    return `  ${ink(mark)} ${padEnd(cutMiddle(nameText(name, unicode), room, glyphs.ellipsis), room)}  ${inks.faint(tail)}`;
  });
  const head = `${title}: ${counted(tensors.length, 'tensor')}, ${bytesText(bytes)}`;
  return [inks.title(head), ...cut(lines, options, screen)];
}

const FOUND_BY = {
  wrapper: 'by the names of wrappers',
  prefix: 'by the rest of their names',
  content: 'by their content',
} as const;

function renamedSection({ renamed }: DiffDocument, options: DiffReportOptions, screen: Screen): string[] {
  if (renamed.length === 0) return [];
  const { inks, unicode, width } = screen;
  const arrow = unicode ? '→' : '->';
  const show = (name: string) => nameText(name, unicode);
  const lines = prefixChanges(renamed).flatMap(({ from, to, by, count }: PrefixChange): string[] => {
    const names = `${show(from)} ${arrow} ${show(to)}`;
    const told = count > 1 ? `${counted(count, 'tensor')}, found ${FOUND_BY[by]}` : `found ${FOUND_BY[by]}`;
    const line = `  ${names}  ${told}`;
    if (widthOf(line) <= width) return [`  ${names}  ${inks.faint(told)}`];
    return [
      ...wrap(names, width - 2).map((each) => `  ${each}`),
      ...wrap(told, width - 4).map((each) => inks.faint(`    ${each}`)),
    ];
  });
  return [inks.title(`Renamed: ${counted(renamed.length, 'tensor')}`), ...cut(lines, options, screen)];
}

/** Tensors that differ alike stand in one line: a dtype or a device is mostly changed for all of them. */
function changedSection({ changed }: DiffDocument, options: DiffReportOptions, screen: Screen): string[] {
  const { inks, glyphs, unicode, width } = screen;
  const groups = new Map<string, { readonly text: string; readonly names: string[] }>();
  for (const tensor of changed) {
    for (const text of aspectTexts(tensor, unicode ? '→' : '->')) {
      const group = groups.get(text);
      if (group) group.names.push(tensor.name);
      else groups.set(text, { text, names: [tensor.name] });
    }
  }
  if (groups.size === 0) return [];
  const lines = [...groups.values()].flatMap(({ text, names }) => {
    const shown = visible(text, unicode);
    const number = names.length > 1 ? `${counted(names.length, 'tensor')}: ` : '';
    const more = names.length > 1 ? ` ${glyphs.ellipsis}` : '';
    const told = (room: number): string => {
      const name = cutMiddle(nameText(names[0] as string, unicode), room - more.length, glyphs.ellipsis);
      return inks.faint(`${number}${name}${more}`);
    };
    const room = width - widthOf(shown) - number.length - 4;
    if (room >= SHORTEST_NAME) return [`  ${shown}  ${told(room)}`];
    return [...wrap(shown, width - 2).map((line) => `  ${line}`), `    ${told(width - number.length - 4)}`];
  });
  const count = changed.filter(
    ({ shape, dtype, kind, location }) => shape || dtype || kind || location,
  ).length;
  return [inks.title(`Described differently: ${counted(count, 'tensor')}`), ...cut(lines, options, screen)];
}

function aspectTexts({ shape, dtype, kind, location }: ChangedTensor, arrow: string): string[] {
  return [
    ...(shape ? [`shape [${shape.a.join(', ')}] ${arrow} [${shape.b.join(', ')}]`] : []),
    ...(dtype ? [`dtype ${dtype.a} ${arrow} ${dtype.b}`] : []),
    ...(kind ? [`kind ${kind.a} ${arrow} ${kind.b}`] : []),
    ...(location ? [`location ${location.a} ${arrow} ${location.b}`] : []),
  ];
}

const NUMBER_COLUMN = 11;

function valuesSection(
  { changed, totals, backend }: DiffDocument,
  options: DiffReportOptions,
  screen: Screen,
): string[] {
  if (!totals.values) return [];
  const { inks, glyphs, unicode, width } = screen;
  const { same, different, notComparable } = totals.values;
  const title = `Values: ${[
    `${grouped(different)} differ`,
    `${grouped(same)} the same`,
    ...(notComparable > 0 ? [`${grouped(notComparable)} not comparable`] : []),
  ].join(', ')}`;
  const computed = backend && backendText(backend);
  const heading = [
    ...wrap(title, width).map(inks.title),
    ...(computed ? wrap(computed, width - 2).map((line) => inks.faint(`  ${line}`)) : []),
  ];
  if (different + notComparable === 0) return heading;
  const columns = isNarrow(screen) ? ['max', 'cosine'] : ['differ', 'max', 'mean', 'cosine'];
  const room = width - 2 - columns.length * NUMBER_COLUMN;
  const rows = changed
    .flatMap(({ name, values }) => (values ? [{ name, values }] : []))
    .sort((a, b) => rank(b.values.numbers) - rank(a.values.numbers));
  const lines = rows.map(({ name, values }) => {
    const { numbers, reason } = values;
    const text = padEnd(cutMiddle(nameText(name, unicode), room - 1, glyphs.ellipsis), room);
    if (!numbers) {
      const told = reason === undefined ? 'differ' : `not comparable: ${visible(reason, unicode)}`;
      return `  ${text}${inks.faint(cutEnd(told, width - 2 - room, glyphs.ellipsis))}`;
    }
    return `  ${text}${columns.map((column) => padStart(cellOf(numbers, column), NUMBER_COLUMN)).join('')}`;
  });
  const head = `  ${' '.repeat(room)}${columns.map((column) => padStart(HEADS[column] as string, NUMBER_COLUMN)).join('')}`;
  const notFinite = rows.some(({ values }) => (values.numbers?.notFinite ?? 0) > 0);
  return [
    ...heading,
    inks.faint(head),
    ...cut(lines, options, screen),
    ...(notFinite
      ? wrap('! some of these numbers are infinite or NaN on one side; they are in no mean.', width)
      : []),
  ];
}

const HEADS: Readonly<Record<string, string>> = {
  differ: 'differ',
  max: 'max |a-b|',
  mean: 'mean |a-b|',
  cosine: 'cosine',
};

/** What is not finite on one side is further apart than anything. */
function rank(numbers: NumbersEntry | undefined): number {
  if (!numbers) return -1;
  return numbers.notFinite > 0 ? Number.POSITIVE_INFINITY : (numbers.maxAbs ?? Number.POSITIVE_INFINITY);
}

function cellOf(numbers: NumbersEntry, column: string): string {
  const { differing, elements, notFinite, maxAbs, meanAbs, cosine } = numbers;
  if (column === 'differ') return `${shareText(differing / elements)}${notFinite > 0 ? ' !' : ''}`;
  if (column === 'max') return shortNumber(maxAbs);
  return column === 'mean' ? shortNumber(meanAbs) : cosine === null ? '-' : cosineText(cosine);
}

function shareText(share: number): string {
  const percent = share * 100;
  if (percent === 100) return '100 %';
  // rounding must not say none or all
  return percent < 0.1 ? '< 0.1 %' : `${Math.min(99.9, percent).toFixed(1)} %`;
}

/** Three digits that count. */
export function shortNumber(value: number | null): string {
  if (value === null) return '-';
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(3))) : value.toExponential(2);
}

/** Rounded towards 0, so that only what is parallel has a cosine of 1. */
export function cosineText(cosine: number): string {
  return (Math.trunc(cosine * 1e6) / 1e6).toFixed(6);
}

function metadataSection({ metadata }: DiffDocument, options: DiffReportOptions, screen: Screen): string[] {
  if (metadata.length === 0) return [];
  const { inks, glyphs, unicode, width } = screen;
  const arrow = unicode ? '→' : '->';
  const names = metadata.map(({ name }) =>
    cutMiddle(nameText(name, unicode), Math.floor(width * 0.4), glyphs.ellipsis),
  );
  const column = Math.max(...names.slice(0, options.all ? names.length : MOST_LINES).map(widthOf));
  const lines = metadata.map(({ a, b }, index) => {
    const mark = a === undefined ? inks.good('+') : b === undefined ? inks.error('-') : inks.warning('~');
    const room = width - column - 6;
    const each = a !== undefined && b !== undefined ? Math.floor((room - arrow.length - 2) / 2) : room;
    const texts = [a, b].flatMap((text) =>
      text === undefined ? [] : [cutEnd(visible(text, unicode), each, glyphs.ellipsis)],
    );
    return `  ${mark} ${padEnd(names[index] as string, column)}  ${texts.join(` ${arrow} `)}`;
  });
  return [inks.title(`Other values: ${grouped(metadata.length)} differ`), ...cut(lines, options, screen)];
}

function verdictLines({ same, totals, metadata }: DiffDocument, screen: Screen): string[] {
  const { inks, glyphs, width } = screen;
  const { common, changed, added, removed, renamed, values } = totals;
  if (same) {
    const proof = values ? 'names, shapes, dtypes and values' : 'names, shapes and dtypes';
    const open =
      values && values.notComparable > 0 ? `; ${grouped(values.notComparable)} could not be compared` : '';
    return wrap(`${glyphs.good} No difference: ${counted(common, 'tensor')}, ${proof}${open}.`, width).map(
      inks.good,
    );
  }
  const parts = [
    ...(removed > 0 ? [`${grouped(removed)} only in a`] : []),
    ...(added > 0 ? [`${grouped(added)} only in b`] : []),
    ...(renamed > 0 ? [`${grouped(renamed)} renamed`] : []),
    ...(changed > 0 ? [`${grouped(changed)} changed`] : []),
    ...(metadata.length > 0 ? [`${counted(metadata.length, 'other value')}`] : []),
  ];
  return wrap(
    `${glyphs.error} Different: ${parts.join(', ')}; ${counted(common, 'tensor')} on both sides.`,
    width,
  ).map(inks.error);
}
