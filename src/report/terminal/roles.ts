import type { InspectDocument } from '../inspect-document.ts';
import { bytesText, counted } from './numbers.ts';
import type { Screen } from './screen.ts';
import { cutEnd, padEnd, padStart, visible } from './text.ts';

const NAMES: Readonly<Record<string, string>> = {
  model: 'model weights',
  ema: 'EMA weights',
  rng: 'random state',
  scaler: 'gradient scaler',
  other: 'other tensors',
};
/** Longest name above, and the counts beside it. */
const NAME_COLUMN = 18;
const COUNT_COLUMN = 14;
const SIZE_COLUMN = 10;

/** What the parts with tensors are there for, one line each; nothing where there is one part only. */
export function roleLines(
  { roles = [] }: InspectDocument,
  { inks, glyphs, unicode, width }: Screen,
): string[] {
  const shown = roles.filter(({ tensors }) => tensors > 0);
  if (shown.length < 2) return [];
  const room = Math.max(0, width - 2 - NAME_COLUMN - COUNT_COLUMN - SIZE_COLUMN - 2);
  const lines = shown.map(({ role, paths, tensors, bytes }) => {
    const counts = `${padStart(counted(tensors, 'tensor'), COUNT_COLUMN)}${padStart(bytesText(bytes), SIZE_COLUMN)}`;
    const places = visible(paths.filter((path) => path !== '').join(', '), unicode);
    const line = `  ${padEnd(NAMES[role] ?? role, NAME_COLUMN)}${counts}`;
    return room > 8 && places !== '' ? `${line}  ${inks.faint(cutEnd(places, room, glyphs.ellipsis))}` : line;
  });
  return [inks.title('Parts'), ...lines];
}
