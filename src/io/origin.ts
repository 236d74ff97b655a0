import { LONGEST_TAIL, type TailDigest } from './tail-digest.ts';

/** What a file was before it was changed in place: enough to take the change back. */
export interface Origin {
  /** Bytes of the file. */
  readonly length: number;
  readonly tail: TailDigest;
}

/** The object that a JSON text holds; an empty one where it holds something else. */
export function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** An origin as JSON gives it back; undefined where it is none. */
export function asOrigin(value: unknown): Origin | undefined {
  const { length, tail } = (value ?? {}) as { length?: unknown; tail?: Partial<TailDigest> };
  const isLength = (number: unknown): number is number => Number.isSafeInteger(number) && Number(number) > 0;
  if (!isLength(length) || !isLength(tail?.length) || tail.length > LONGEST_TAIL) return undefined;
  if (!/^[0-9a-f]{64}$/.test(String(tail.sha256))) return undefined;
  return { length, tail: { length: tail.length, sha256: String(tail.sha256) } };
}
