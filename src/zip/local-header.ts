import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import {
  FLAG_DESCRIPTOR,
  FLAG_ENCRYPTED,
  LOCAL_HEADER,
  LOCAL_HEADER_BYTES,
  SENTINEL_32,
} from './constants.ts';
import type { ZipEntry } from './entry-table.ts';
import { decodeName } from './record-name.ts';

/** The header in front of a record's content. Torch's reader uses nothing of it but the two lengths. */
export interface LocalHeader {
  /** One character per byte, as compared with the directory's name byte by byte. */
  readonly nameBytes: Uint8Array;
  readonly extra: Uint8Array;
  readonly flags: number;
  readonly method: number;
  /** 0 in what torch writes, where the descriptor behind the content tells; so are the two sizes. */
  readonly crc32: number;
  readonly storedSize: number;
  readonly size: number;
  /** Offset of the content's first byte. */
  readonly dataOffset: number;
}

/**
 * Reads the local header of an entry.
 *
 * @throws UnreadableError `bad-archive` where there is none, or where it leaves no room for the content.
 */
export async function readLocalHeader(source: ByteSource, entry: ZipEntry): Promise<LocalHeader> {
  const at = entry.headerOffset;
  const fixed = await source.read(at, LOCAL_HEADER_BYTES);
  const view = new DataView(fixed.buffer, fixed.byteOffset, fixed.byteLength);
  const damage = headerDamage(view, 0, entry, source.size);
  if (damage) throw damage;
  const dataOffset = dataOffsetIn(view, 0, entry);
  const nameLength = view.getUint16(26, true);
  const rest = await source.read(at + LOCAL_HEADER_BYTES, dataOffset - at - LOCAL_HEADER_BYTES);
  return {
    nameBytes: rest.subarray(0, nameLength),
    extra: rest.subarray(nameLength),
    flags: view.getUint16(6, true),
    method: view.getUint16(8, true),
    crc32: view.getUint32(14, true),
    storedSize: view.getUint32(18, true),
    size: view.getUint32(22, true),
    dataOffset,
  };
}

/** Offset in the file of the content, from the first 30 bytes of the entry's local header at `at`. */
export function dataOffsetIn(view: DataView, at: number, entry: ZipEntry): number {
  const lengths = view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  return entry.headerOffset + LOCAL_HEADER_BYTES + lengths;
}

/** Why the local header at `at` is none, or leaves no room for the content; undefined where all is well. */
export function headerDamage(
  view: DataView,
  at: number,
  entry: ZipEntry,
  fileSize: number,
): UnreadableError | undefined {
  const found = view.getUint32(at, true);
  if (found !== LOCAL_HEADER) {
    return new UnreadableError(
      'bad-archive',
      `record '${entry.name}' has no local header at offset ${entry.headerOffset} (found 0x${found.toString(16)}); ` +
        'copy or download the file again',
      entry.headerOffset,
      'zip/damaged',
    );
  }
  const dataOffset = dataOffsetIn(view, at, entry);
  if (dataOffset + entry.storedSize <= fileSize) return undefined;
  return new UnreadableError(
    'bad-archive',
    `record '${entry.name}' of ${entry.storedSize} bytes at offset ${dataOffset} passes the end of the file at ` +
      `${fileSize}; copy or download the file again`,
    entry.headerOffset,
    'zip/damaged',
  );
}

/**
 * What the local header at `at` says of its record that the directory says otherwise; undefined where they agree. The name is
 * compared as far as `view` holds it.
 */
export function headerFault(view: DataView, at: number, entry: ZipEntry): string | undefined {
  const flags = view.getUint16(at + 6, true);
  const method = view.getUint16(at + 8, true);
  const nameLength = view.getUint16(at + 26, true);
  const nameStart = at + LOCAL_HEADER_BYTES;
  const nameEnd = Math.min(nameStart + nameLength, view.byteLength);
  const name = decodeName(
    Buffer.from(view.buffer, view.byteOffset, view.byteLength),
    view,
    nameStart,
    Math.max(nameStart, nameEnd),
  );
  if (nameLength !== entry.nameLength || name !== entry.name) return `is called '${name}'`;
  if ((flags & FLAG_ENCRYPTED) !== (entry.flags & FLAG_ENCRYPTED)) {
    return (flags & FLAG_ENCRYPTED) !== 0 ? 'is encrypted' : 'is not encrypted';
  }
  if (method !== entry.method) return `is compressed by method ${method}, not ${entry.method}`;
  if ((flags & FLAG_DESCRIPTOR) !== 0) return undefined;
  const stored = view.getUint32(at + 18, true);
  const size = view.getUint32(at + 22, true);
  if (stored !== SENTINEL_32 && stored !== entry.storedSize) {
    return `takes ${stored} bytes, not ${entry.storedSize}`;
  }
  if (size !== SENTINEL_32 && size !== entry.size) return `has ${size} bytes, not ${entry.size}`;
  const crc32 = view.getUint32(at + 14, true);
  return crc32 === entry.crc32 ? undefined : 'has another CRC-32';
}
