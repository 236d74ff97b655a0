import type { Checkpoint } from '../checkpoint/checkpoint.ts';

/** Dtypes whose numbers float32 holds, every one of them, and that `fix --dtype` casts. */
const NARROW = new Set([
  'float16',
  'bfloat16',
  'float8_e5m2',
  'float8_e4m3fn',
  'float8_e5m2fnuz',
  'float8_e4m3fnuz',
]);

/** No number changes when a tensor of this dtype becomes float32. */
export function isWidened(dtype: string): boolean {
  return NARROW.has(dtype);
}

/**
 * Flags that make all floating-point tensors float32, where no number changes by that. Which other dtype is right only the author of
 * a model knows, so no finding asks for one.
 */
export function wideningFlags({ tensors }: Pick<Checkpoint, 'tensors'>): readonly string[] {
  const exact = tensors.every(
    ({ dtype: { family, name } }) => family !== 'float' || name === 'float32' || isWidened(name),
  );
  return exact ? ['--dtype', 'float32'] : [];
}
