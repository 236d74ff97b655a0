import { asOrigin, type Origin, parseObject } from '../io/origin.ts';

/** Stands in the root folder of an archive that was healed in place; torch passes by records that it does not know. */
export const UNDO_RECORD = '.ckpt-doctor/undo';

/** A record that is larger is none of ours. */
export const LONGEST_UNDO_RECORD = 4096;

const FORMAT = 'ckpt-doctor/undo/1';

/** What a fix in place leaves in the file, so that it can be taken back. */
export interface UndoRecord {
  /** What the file was like before. */
  readonly origin: Origin;
  /** Bytes of the file after the fix: other than that, somebody else has been at work since. */
  readonly healedLength: number;
  /** How many fixes in place the file has had, this one included: each is taken back by itself. */
  readonly fixes: number;
}

/**
 * The record as text. Its length does not depend on `healedLength`, which itself depends on the length of the record.
 */
export function undoRecordText({ origin, healedLength, fixes }: UndoRecord): Buffer {
  const start = JSON.stringify({ format: FORMAT, fixes, origin }).slice(0, -1);
  return Buffer.from(`${start},"healedLength":${String(healedLength).padStart(16)}}`, 'latin1');
}

/** Undefined for what is no such record. */
export function parseUndoRecord(text: string): UndoRecord | undefined {
  const { format, origin: from, healedLength, fixes } = parseObject(text) as Record<string, unknown>;
  const origin = asOrigin(from);
  if (format !== FORMAT || origin === undefined) return undefined;
  if (!Number.isSafeInteger(healedLength) || !Number.isSafeInteger(fixes)) return undefined;
  return { origin, healedLength: Number(healedLength), fixes: Number(fixes) };
}
