import type { RefusedGlobal } from './refused-globals.ts';

/** numpy 2 moved `numpy.core` to `numpy._core`, and so wrote a name that numpy before 1.26 does not have. */
export function isNumpy2({ name }: Pick<RefusedGlobal, 'name'>): boolean {
  return name.startsWith('numpy._core.');
}
