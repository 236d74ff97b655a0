import { GLOB_HINT } from '../../checkpoint/name-glob.ts';
import { counted, grouped } from './numbers.ts';
import type { Screen } from './screen.ts';
import { visible, wrap } from './text.ts';

/** How many tensors `--filter` leaves, and what may be wrong with a glob that leaves none. */
export function filteredLines(
  glob: string,
  matching: number,
  tensors: number,
  { unicode, width }: Screen,
): string[] {
  const matched = `${grouped(matching)} of ${counted(tensors, 'tensor')} ${matching === 1 ? 'matches' : 'match'} ${visible(glob, unicode)}`;
  return wrap(matching === 0 ? `${matched}: ${GLOB_HINT}` : matched, width);
}
