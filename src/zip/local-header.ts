import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { LOCAL_HEADER, LOCAL_HEADER_BYTES } from './constants.ts';
import type { ZipEntry } from './directory.ts';

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
  const dataOffset = dataOffsetIn(view, 0, entry, source.size);
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

/** Offset in the file of the content, from the first 30 bytes of the entry's local header at `at`; checked. */
export function dataOffsetIn(view: DataView, at: number, entry: ZipEntry, fileSize: number): number {
  const found = view.getUint32(at, true);
  if (found !== LOCAL_HEADER) {
    throw new UnreadableError(
      'bad-archive',
      `record '${entry.name}' has no local header at offset ${entry.headerOffset} (found 0x${found.toString(16)}); ` +
        'copy or download the file again',
      entry.headerOffset,
    );
  }
  const lengths = view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  const dataOffset = entry.headerOffset + LOCAL_HEADER_BYTES + lengths;
  if (dataOffset + entry.storedSize > fileSize) {
    throw new UnreadableError(
      'bad-archive',
      `record '${entry.name}' of ${entry.storedSize} bytes at offset ${dataOffset} passes the end of the file at ` +
        `${fileSize}; copy or download the file again`,
      entry.headerOffset,
    );
  }
  return dataOffset;
}
