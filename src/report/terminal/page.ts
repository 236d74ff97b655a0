import { blocksOf } from '../markdown-blocks.ts';
import type { Screen } from './screen.ts';
import { cutEnd, padEnd, visible, widthOf, wrap } from './text.ts';

/** A page of Markdown, as far as the pages of the rules use it, for a terminal: headings, fences, lists, tables, paragraphs. */
export function pageLines(markdown: string, screen: Screen): string[] {
  const lines: string[] = [];
  for (const block of blocksOf(markdown)) {
    if (lines.length > 0) lines.push('');
    lines.push(...blockLines(block, screen));
  }
  return lines;
}

function blockLines(block: readonly string[], screen: Screen): string[] {
  const { inks } = screen;
  const first = block[0] as string;
  if (first.startsWith('#')) return [inks.title(shown(first.replace(/^#+ /, ''), screen))];
  if (first.startsWith('```')) return fenceLines(block, screen);
  if (first.startsWith('|')) return tableLines(block, screen);
  if (first.startsWith('- ')) return listLines(block, screen);
  return wrap(shown(block.join(' '), screen), screen.width);
}

/** Code is there to be copied, so a long line is not broken; a message is there to be read. */
function fenceLines([head, ...body]: readonly string[], screen: Screen): string[] {
  const { inks, unicode, width } = screen;
  const lines = body
    .filter((line) => !line.startsWith('```'))
    .map((line) => visible(line.replaceAll('\t', '    '), unicode));
  if (head !== '```text') return lines.map((line) => (line === '' ? '' : `  ${inks.command(line)}`));
  return lines.flatMap((line) => messageLines(line, width - 2)).map((line) => `  ${inks.faint(line)}`);
}

function messageLines(line: string, width: number): string[] {
  const indent = ' '.repeat(line.length - line.trimStart().length);
  return wrap(line, width - indent.length - 2).map(
    (part, index) => indent + (index === 0 ? '' : '  ') + part,
  );
}

function listLines(block: readonly string[], screen: Screen): string[] {
  const items: string[] = [];
  for (const line of block) {
    if (line.startsWith('- ')) items.push(line.slice(2));
    else items.push(`${items.pop() ?? ''} ${line.trim()}`);
  }
  return items.flatMap((item) =>
    wrap(shown(item, screen), screen.width - 2).map((line, index) => `${index === 0 ? '- ' : '  '}${line}`),
  );
}

function tableLines(block: readonly string[], screen: Screen): string[] {
  const rows = block
    .filter((line) => !/^\|[-|: ]+\|$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => shown(cell.trim(), screen)),
    );
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const fits = widths.reduce((sum, width) => sum + width + 2, 0) - 2 <= screen.width;
  const ink = (line: string, index: number) => (index === 0 ? screen.inks.faint(line) : line);
  if (fits)
    return rows.map((row, index) =>
      ink(
        row
          .map((cell, column) => padEnd(cell, widths[column] ?? 0))
          .join('  ')
          .trimEnd(),
        index,
      ),
    );
  // too wide: the first cell leads, the others follow below it
  return rows
    .slice(1)
    .flatMap(([lead, ...rest]) => [
      cutEnd(lead ?? '', screen.width),
      ...wrap(rest.filter((cell) => cell !== '').join('; '), screen.width - 4).map((line) => `    ${line}`),
    ]);
}

/** A link is its words; code keeps its backticks, which tell it from the text without colours. */
function shown(text: string, { unicode }: Screen): string {
  return visible(text.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1'), unicode);
}
