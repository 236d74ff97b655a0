import type { Json } from '../plain-value.ts';
import type { Screen } from './screen.ts';
import { cutEnd, cutMiddle, padEnd, visible, widthOf } from './text.ts';

/** Share of the width that names of values take at most. */
const NAME_SHARE = 0.4;

/** The values beside the tensors, one line each. */
export function valueLines(
  metadata: { readonly [key: string]: Json },
  limit: number,
  screen: Screen,
): string[] {
  const { inks, glyphs, unicode, width } = screen;
  const entries = Object.entries(metadata);
  if (entries.length === 0) return [];
  const shown = entries.length > limit ? entries.slice(0, Math.max(1, limit - 1)) : entries;
  const names = shown.map(([name]) =>
    cutMiddle(visible(name, unicode), Math.floor(width * NAME_SHARE), glyphs.ellipsis),
  );
  const column = Math.max(...names.map(widthOf)) + 2;
  const lines = shown.map(([, value], index) => {
    const text = cutEnd(visible(valueText(value, width), unicode), width - column - 2, glyphs.ellipsis);
    return `  ${padEnd(names[index] as string, column)}${text}`;
  });
  const rest = entries.length - shown.length;
  if (rest > 0) lines.push(inks.faint(`  ${glyphs.ellipsis} ${rest} more values (--all lists them)`));
  return [inks.title('Values'), ...lines];
}

/** A value on one line, as Python would show it; stops once `room` characters are there. */
export function valueText(value: Json, room: number): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (isList(value)) return `[${joined(value, room, (item) => nestedText(item, room))}]`;
  const { __class__: name, __args__: args, __items__: items, ...rest } = value;
  const fields = joined(Object.entries(rest), room, ([key, member]) => `${key}: ${nestedText(member, room)}`);
  if (typeof name !== 'string') return `{${fields}}`;
  const call = Array.isArray(args)
    ? `(${joined(args as readonly Json[], room, (item) => nestedText(item, room))})`
    : '';
  const contents = items === undefined || items === null ? '' : ` ${valueText(items, room)}`;
  return `${name}${call}${fields === '' ? '' : ` {${fields}}`}${contents}`;
}

/** Within a container a text stands in quotes, so that its end shows. */
function nestedText(value: Json, room: number): string {
  const isText = typeof value === 'string' && !UNQUOTED.test(value);
  return isText ? `'${value}'` : valueText(value, room);
}

/** What JSON could not say otherwise: long integers, NaN and the infinities, and what was left out. */
const UNQUOTED = /^(-?\d{16,}|NaN|-?Infinity|…)/;

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function joined<T>(items: readonly T[], room: number, text: (item: T) => string): string {
  let line = '';
  for (const item of items) {
    if (line.length > room) break;
    line += (line === '' ? '' : ', ') + text(item);
  }
  return line;
}
