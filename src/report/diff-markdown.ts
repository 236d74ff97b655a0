import { backendText } from './backend-entry.ts';
import type { ChangedTensor, DiffDocument, LoneTensor } from './diff-document.ts';
import { code, plain } from './markdown-text.ts';
import { cosineText, shortNumber } from './terminal/diff-report.ts';
import { bytesText, counted, grouped } from './terminal/numbers.ts';
import { prefixChanges } from './terminal/prefix-changes.ts';
import { cutMiddle, nameText, visible } from './terminal/text.ts';

/** Rows of a table; a comment on GitHub ends at 65 536 characters. */
const MOST_ROWS = 25;
/** Columns of a name or value in a cell. */
const LONGEST = 100;

/** Markdown for a comment on a pull request: what changed between two checkpoints. */
export function diffMarkdown(document: DiffDocument): string {
  const { a, b, same, notes, backend } = document;
  const computed = backend && backendText(backend);
  const blocks = [
    `<!-- ckpt-doctor diff -->\n### ${same ? '✅ No difference' : '🔶 Checkpoints differ'}`,
    `a: ${code(a.path)}, ${bytesText(a.bytes)}, ${counted(a.tensors, 'tensor')}<br>b: ${code(b.path)}, ${bytesText(b.bytes)}, ${counted(b.tensors, 'tensor')}`,
    ...(notes.length > 0 ? [notes.map(plain).join('<br>')] : []),
    totalsTable(document),
    ...(computed ? [`Values ${plain(computed)}.`] : []),
    ...loneBlock('Only in a', document.removed),
    ...loneBlock('Only in b', document.added),
    ...renamedBlock(document),
    ...changedBlock(document),
    ...valuesBlock(document),
    ...metadataBlock(document),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function totalsTable({ totals, metadata }: DiffDocument): string {
  const { common, changed, added, removed, renamed, values } = totals;
  const cells: [string, string][] = [
    ['on both sides', grouped(common)],
    ['changed', grouped(changed)],
    ['only in a', grouped(removed)],
    ['only in b', grouped(added)],
    ['renamed', grouped(renamed)],
    ...(values ? [['values differ', grouped(values.different)] as [string, string]] : []),
    ['other values', grouped(metadata.length)],
  ];
  return table(
    cells.map(([head]) => head),
    [cells.map(([, cell]) => cell)],
  );
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = rows.slice(0, MOST_ROWS);
  const rest = rows.length - shown.length;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(heads),
    line(heads.map(() => '---')),
    ...shown.map(line),
    ...(rest > 0 ? ['', `… and ${grouped(rest)} more`] : []),
  ].join('\n');
}

/** Code in a cell, which a bar would end. */
const cell = (text: string): string => code(cutMiddle(visible(text), LONGEST)).replaceAll('|', '\\|');
const nameCell = (name: string): string => cell(nameText(name));

function block(title: string, heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return [
    `<details><summary>${title}: ${grouped(rows.length)}</summary>\n\n${table(heads, rows)}\n\n</details>`,
  ];
}

function loneBlock(title: string, tensors: readonly LoneTensor[]): string[] {
  return block(
    title,
    ['tensor', 'dtype', 'shape', 'size'],
    tensors.map(({ name, dtype, shape, bytes }) => [
      nameCell(name),
      dtype,
      shape.join(' × ') || 'scalar',
      bytesText(bytes),
    ]),
  );
}

function renamedBlock({ renamed }: DiffDocument): string[] {
  return block(
    'Renamed',
    ['a', 'b', 'tensors', 'found by'],
    prefixChanges(renamed).map(({ from, to, by, count }) => [
      nameCell(from),
      nameCell(to),
      grouped(count),
      by,
    ]),
  );
}

function changedBlock({ changed }: DiffDocument): string[] {
  const rows = changed.flatMap(({ name, shape, dtype, kind, location }) => [
    ...(shape
      ? [[nameCell(name), 'shape', shape.a.join(' × ') || 'scalar', shape.b.join(' × ') || 'scalar']]
      : []),
    ...Object.entries({ dtype, kind, location }).flatMap(([aspect, difference]) =>
      difference ? [[nameCell(name), aspect, cell(difference.a), cell(difference.b)]] : [],
    ),
  ]);
  return block('Described differently', ['tensor', '', 'a', 'b'], rows);
}

function valuesBlock({ changed }: DiffDocument): string[] {
  const rows = changed.flatMap(({ name, values }: ChangedTensor) => {
    if (!values) return [];
    const { numbers, reason } = values;
    if (!numbers) return [[nameCell(name), reason === undefined ? 'yes' : plain(reason), '', '', '']];
    const differing = `${grouped(numbers.differing)} of ${grouped(numbers.elements)}`;
    const figures = [numbers.maxAbs, numbers.meanAbs].map(shortNumber);
    return [
      [nameCell(name), differing, ...figures, numbers.cosine === null ? '' : cosineText(numbers.cosine)],
    ];
  });
  return block('Values', ['tensor', 'differ', 'max \\|a−b\\|', 'mean \\|a−b\\|', 'cosine'], rows);
}

function metadataBlock({ metadata }: DiffDocument): string[] {
  return block(
    'Other values',
    ['value', 'a', 'b'],
    metadata.map(({ name, a, b }) => [
      nameCell(name),
      a === undefined ? '' : cell(a),
      b === undefined ? '' : cell(b),
    ]),
  );
}
