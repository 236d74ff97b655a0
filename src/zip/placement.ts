import { DESCRIPTOR_BYTES, LOCAL_HEADER_BYTES, SENTINEL_32, ZIP64_DESCRIPTOR_BYTES } from './constants.ts';

/** Every torch since 1.4 starts the content of each record at a multiple of this, unless it was told otherwise. */
export const DEFAULT_ALIGNMENT = 64;

/** A zip64 or padding field's own header: id and length. */
export const EXTRA_HEADER_BYTES = 4;

/** True where torch (miniz) gives a number the zip64 form: from 2^32 - 1 on, which is the sentinel itself. */
export function needsZip64(value: number): boolean {
  return value >= SENTINEL_32;
}

/**
 * Payload of the zip64 field in the local header that torch writes at `headerOffset`: both sizes where the size needs it,
 * and the header's own offset where that does. 0 where there is no such field.
 */
export function zip64Payload(headerOffset: number, size: number): number {
  return (needsZip64(size) ? 16 : 0) + (needsZip64(headerOffset) ? 8 : 0);
}

/** Bytes behind the content of a record that torch writes: nothing where it is empty, else a data descriptor. */
export function descriptorBytes(headerOffset: number, size: number): number {
  if (size === 0) return 0;
  return zip64Payload(headerOffset, size) > 0 ? ZIP64_DESCRIPTOR_BYTES : DESCRIPTOR_BYTES;
}

/**
 * Where torch puts the content of a record of `size` bytes whose local header starts at `headerOffset`: behind the header,
 * the name, the zip64 field where one is due, and a padding field that fills up to a multiple of `alignment`.
 */
export function contentOffset(
  headerOffset: number,
  nameLength: number,
  size: number,
  alignment: number,
): number {
  const wide = zip64Payload(headerOffset, size);
  const zip64 = wide === 0 ? 0 : EXTRA_HEADER_BYTES + wide;
  const start = headerOffset + LOCAL_HEADER_BYTES + nameLength + zip64 + EXTRA_HEADER_BYTES;
  return Math.ceil(start / alignment) * alignment;
}
