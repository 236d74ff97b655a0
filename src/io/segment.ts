import type { SourceRange } from './byte-source.ts';

/** Bytes that are inflated while they are read: a deflated zip entry. */
export interface InflatedRange {
  readonly deflated: SourceRange;
  /** Bytes after inflating, as the directory declares. */
  readonly length: number;
}

/** A piece of what is to be read or written: bytes in memory, a range that is copied as it is, or a range that is inflated. */
export type Segment = Uint8Array | SourceRange | InflatedRange;
