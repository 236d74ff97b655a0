import type { InspectDocument } from '../inspect-document.ts';
import { CONTAINERS } from './containers.ts';
import { bytesText, counted, countText } from './numbers.ts';
import { isNarrow, type Screen } from './screen.ts';
import { cutEnd, cutMiddle, padEnd, padStart, visible, widthOf, wrap } from './text.ts';

/** Rows of dtypes, and of locations, that an overview lists. Honest files have a few; a made one may have thousands. */
const MAX_ROWS = 8;

/** The file and what holds the checkpoint. */
export function fileLines(
  { file, container, producer }: InspectDocument,
  era: string | undefined,
  screen: Screen,
): string[] {
  const { inks, glyphs, unicode, width } = screen;
  const size = bytesText(file.bytes ?? 0);
  const name = cutMiddle(visible(file.path, unicode), width - size.length - 2, glyphs.ellipsis);
  const facts = containerFacts({ container, ...(producer && { producer }) }, era);
  return [
    `${inks.title(name)}  ${inks.number(size)}`,
    ...listLines(
      facts.map((fact) => visible(fact, unicode)),
      screen,
    ),
  ];
}

/** What the file is, in words, text from the file among them. */
export function containerFacts(
  { container, producer }: Pick<InspectDocument, 'container' | 'producer'>,
  era: string | undefined,
): string[] {
  return [
    ...(container.folder === undefined ? [] : [container.folder]),
    CONTAINERS[container.kind] ?? container.kind,
    ...(producer?.name === undefined ? [] : [[producer.name, producer.version].filter(Boolean).join(' ')]),
    ...(era === undefined ? [] : [era]),
    ...(container.pickleProtocol === undefined ? [] : [`pickle protocol ${container.pickleProtocol}`]),
    ...(container.byteOrder === 'big' ? ['big-endian'] : []),
    ...(container.entries === undefined ? [] : [counted(container.entries, 'record')]),
  ];
}

/** Facts with dots between, broken between facts where the width asks for it. */
function listLines(facts: readonly string[], { glyphs, width }: Screen): string[] {
  const lines: string[] = [];
  for (const fact of facts) {
    const last = lines.at(-1);
    const joined = last === undefined ? fact : `${last}${glyphs.dot}${fact}`;
    if (last !== undefined && widthOf(joined) <= width) lines[lines.length - 1] = joined;
    else lines.push(...wrap(fact, width));
  }
  return lines;
}

/** Sums: how many, how large, of which dtypes, on which devices. */
export function totalsLines({ totals }: InspectDocument, screen: Screen): string[] {
  if (totals.tensors === 0) return ['No tensors.'];
  const { glyphs, width, inks, unicode } = screen;
  const bytes =
    totals.storages === 0
      ? `${bytesText(totals.tensorBytes)} in no storage`
      : totals.storageBytes === totals.tensorBytes
        ? `${bytesText(totals.tensorBytes)} in ${counted(totals.storages, 'storage')}`
        : `${bytesText(totals.tensorBytes)}, stored in ${bytesText(totals.storageBytes)}`;
  const head = listLines(
    [counted(totals.tensors, 'tensor'), `${countText(totals.parameters)} parameters`, bytes],
    screen,
  );
  const rows = [
    ...tableRows(
      totals.byDtype,
      ({ tensors }) => counted(tensors, 'tensor'),
      Number(totals.tensorBytes),
      glyphs.ellipsis,
    ),
    ...tableRows(
      totals.byLocation,
      ({ storages }) => counted(storages, 'storage'),
      Number(totals.storageBytes),
      glyphs.ellipsis,
    ),
  ];
  const countColumn = Math.max(...rows.map(({ count }) => count.length));
  const room = width - INDENT - GAP - countColumn - SIZE_COLUMN;
  const names = rows.map(({ name }) => cutEnd(visible(name, unicode), room, glyphs.ellipsis));
  const nameColumn = Math.max(...names.map(widthOf)) + GAP;
  const table = rows.map(({ count, size, share }, index) => {
    const name = padEnd(names[index] as string, nameColumn);
    const line = ' '.repeat(INDENT) + name + padStart(count, countColumn) + padStart(size, SIZE_COLUMN);
    const drawn = isNarrow(screen) ? '' : bar(share, screen);
    return drawn === '' ? line : `${line}  ${inks.faint(drawn)}`;
  });
  return [...head, ...table];
}

const INDENT = 2;
const GAP = 2;
/** `999 MB` and the gap before it. */
const SIZE_COLUMN = 10;

interface TableRow {
  readonly name: string;
  readonly count: string;
  readonly size: string;
  /** Part of the whole; 0 where there is nothing to compare with. */
  readonly share: number;
}

function tableRows<T extends { readonly bytes: number }>(
  sums: Readonly<Record<string, T>>,
  count: (sum: T) => string,
  whole: number,
  ellipsis: string,
): TableRow[] {
  const entries = Object.entries(sums).sort(([, a], [, b]) => b.bytes - a.bytes);
  const rows = entries.slice(0, MAX_ROWS).map(([name, sum]) => ({
    name,
    count: count(sum),
    size: bytesText(sum.bytes),
    share: whole > 0 && entries.length > 1 ? sum.bytes / whole : 0,
  }));
  const rest = entries.slice(MAX_ROWS);
  if (rest.length === 0) return rows;
  const bytes = rest.reduce((sum, [, each]) => sum + each.bytes, 0);
  return [
    ...rows,
    {
      name: `${ellipsis} ${rest.length} more`,
      count: '',
      size: bytesText(bytes),
      share: whole > 0 ? bytes / whole : 0,
    },
  ];
}

const BAR = 20;

function bar(share: number, { glyphs }: Screen): string {
  return glyphs.bar.repeat(Math.round(share * BAR));
}
