import type { Tensor } from '../../checkpoint/tensor.ts';
import { integers } from '../inspect-document.ts';
import { bytesText, counted, countText } from './numbers.ts';
import { isNarrow, type Screen } from './screen.ts';
import { cutEnd, cutMiddle, nameText, padEnd, padStart, visible, widthOf } from './text.ts';
import type { Branch } from './tree.ts';
import type { Item } from './tree-plan.ts';

/** What a reader is told about a tensor beside its dtype and shape: `tied`, `cuda:1`. */
export type NoteOf = (tensor: Tensor) => string;

/** A line before its columns are set: name, what it is, how much. */
interface Row {
  readonly lead: string;
  readonly label: string;
  readonly dtype: string;
  readonly detail: string;
  readonly note: string;
  readonly size: string;
  readonly kind: 'module' | 'tensor' | 'rest';
  /** What the line holds is not shown below it. */
  readonly folded: boolean;
}

/** The lines of a planned tree. Columns are as wide as what stands in them, and the name gives way first. */
export function* treeLines(top: Item, noteOf: NoteOf, screen: Screen): Generator<string> {
  const rows = [...rowsBelow(top, '', noteOf, screen, true)];
  const columns = columnsOf(rows, screen);
  for (const row of rows) yield rowLine(row, columns, screen);
}

function* rowsBelow(item: Item, lead: string, noteOf: NoteOf, screen: Screen, isTop = false): Generator<Row> {
  const { glyphs } = screen;
  const draw = (glyph: string) => (isNarrow(screen) ? glyph.slice(0, 2) : glyph);
  const count = item.shown.length + (item.rest.length > 0 && item.shown.length > 0 ? 1 : 0);
  for (const [index, below] of item.shown.entries()) {
    const isLast = index === count - 1;
    const own = isTop ? '' : lead + draw(isLast ? glyphs.last : glyphs.branch);
    yield rowOf(below, own, noteOf, screen);
    yield* rowsBelow(below, isTop ? '' : lead + draw(isLast ? glyphs.blank : glyphs.pass), noteOf, screen);
  }
  if (count > item.shown.length) yield restRow(item.rest, isTop ? '' : lead + draw(glyphs.last), screen);
}

function rowOf(item: Item, lead: string, noteOf: NoteOf, screen: Screen): Row {
  const { branch, alike } = item;
  const { glyphs, unicode } = screen;
  const label = labelOf(item, screen);
  const size = bytesText(branch.bytes * alike);
  if (branch.tensor && branch.children.length === 0) {
    const { name } = branch.tensor.dtype;
    const dtype = isNarrow(screen) ? (SHORT_DTYPES[name] ?? name) : name;
    const many = alike > 1 ? `${alike} ${glyphs.times} ` : '';
    const note = alike > 1 ? '' : visible(noteOf(branch.tensor), unicode);
    return {
      lead,
      label,
      dtype,
      detail: many + shapeText(branch.tensor, screen),
      note,
      size,
      kind: 'tensor',
      folded: false,
    };
  }
  const tensors = counted(branch.tensors, 'tensor');
  const elements = branch.elements > 0 ? `${glyphs.dot}${countText(branch.elements * alike)} params` : '';
  return {
    lead,
    label,
    dtype: '',
    detail:
      (alike > 1 ? `${alike} alike ${glyphs.times} ` : '') + tensors + (isNarrow(screen) ? '' : elements),
    note: '',
    size,
    kind: 'module',
    folded: item.shown.length === 0,
  };
}

function labelOf({ label, run }: Item, { glyphs, unicode }: Screen): string {
  if (!run) return nameText(label, unicode);
  const { members, prefix, first, last } = run;
  // what is joined to the first of the run is joined to each
  const behind = label.slice((members[0] as Branch).label.length);
  return `${visible(prefix, unicode)}${first}${glyphs.range}${last}${visible(behind, unicode)}`;
}

function restRow(rest: readonly Item[], lead: string, { glyphs }: Screen): Row {
  const sum = (of: (item: Item) => number) => rest.reduce((total, item) => total + of(item), 0);
  const tensors = sum(({ branch, alike }) => branch.tensors * alike);
  const branches = sum(({ alike }) => alike);
  return {
    lead,
    label: `${glyphs.ellipsis} ${branches} more`,
    dtype: '',
    detail: counted(tensors, 'tensor'),
    note: '',
    size: bytesText(sum(({ branch, alike }) => branch.bytes * alike)),
    kind: 'rest',
    folded: true,
  };
}

const SHORT_DTYPES: Readonly<Record<string, string>> = {
  float64: 'f64',
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
  float8_e4m3fn: 'f8e4',
  float8_e5m2: 'f8e5',
  int64: 'i64',
  int32: 'i32',
  int16: 'i16',
  int8: 'i8',
  uint8: 'u8',
  complex64: 'c64',
  complex128: 'c128',
};

function shapeText({ shape }: Tensor, screen: Screen): string {
  return `[${integers(shape).join(isNarrow(screen) ? ',' : ', ')}]`;
}

interface Columns {
  readonly name: number;
  readonly dtype: number;
  /** Shape of a tensor, where notes follow it. */
  readonly shape: number;
  readonly detail: number;
  readonly size: number;
}

/** Least columns that a name keeps beside its branch lines. */
const MIN_NAME = 12;
/** Columns that a label keeps, the space behind it included. */
const MIN_LABEL = 6;
const GAP = 2;
/** Notes line up behind shapes up to this width. */
const MAX_SHAPE = 24;

function columnsOf(rows: readonly Row[], screen: Screen): Columns {
  const widest = (of: (row: Row) => string) =>
    rows.reduce((width, row) => Math.max(width, widthOf(of(row))), 0);
  const gap = isNarrow(screen) ? 1 : GAP;
  const size = widest((row) => row.size) + gap;
  const dtypeText = widest((row) => row.dtype);
  const dtype = dtypeText > 0 ? dtypeText + 1 : 0;
  const naturalName = widest((row) => row.lead + row.label + foldMark(row, screen)) + gap;
  const noted = rows.filter((row) => row.note !== '' && row.kind === 'tensor');
  const shape = Math.min(
    MAX_SHAPE,
    noted.reduce((width, row) => Math.max(width, widthOf(row.detail)), 0),
  );
  const naturalDetail = rows.reduce(
    (width, row) => Math.max(width, widthOf(detailText(row, dtype, shape))),
    0,
  );
  const room = screen.width - size;
  const least = Math.min(
    naturalName,
    Math.max(MIN_NAME, Math.floor(room * (isNarrow(screen) ? 0.58 : 0.42))),
  );
  const name = Math.max(least, Math.min(naturalName, room - naturalDetail));
  return { name, dtype, shape, detail: Math.max(0, Math.min(naturalDetail, room - name)), size };
}

function detailText(row: Row, dtype: number, shape: number): string {
  if (row.kind !== 'tensor') return row.detail;
  const note =
    row.note === '' ? '' : `${' '.repeat(Math.max(0, shape - widthOf(row.detail)) + GAP)}${row.note}`;
  return padEnd(row.dtype, dtype) + row.detail + note;
}

/** A module whose parts are not shown ends in an ellipsis. */
function foldMark({ kind, folded }: Row, { glyphs }: Screen): string {
  return kind === 'module' && folded ? ` ${glyphs.ellipsis}` : '';
}

function rowLine(row: Row, columns: Columns, screen: Screen): string {
  const { inks, glyphs } = screen;
  // far down the tree the branch lines alone would pass the column; their right end is what ties a name to its parent
  const lead = row.lead.slice(-Math.max(0, columns.name - MIN_LABEL));
  const room = columns.name - lead.length - 1;
  const mark = foldMark(row, screen);
  const label = cutMiddle(row.label, Math.max(1, room - widthOf(mark)), glyphs.ellipsis);
  const padding = ' '.repeat(Math.max(1, columns.name - widthOf(lead + label + mark)));
  const words = detailText(row, columns.dtype, columns.shape);
  const detail = padEnd(cutEnd(words, columns.detail, glyphs.ellipsis), columns.detail);
  const size = padStart(row.size, columns.size);
  const name = row.kind === 'module' ? inks.title(label) : row.kind === 'rest' ? inks.faint(label) : label;
  return `${inks.faint(lead)}${name}${inks.faint(mark)}${padding}${row.kind === 'tensor' ? detail : inks.faint(detail)}${inks.number(size)}`;
}
