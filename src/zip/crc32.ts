/** Up to here a table does the work: the zlib module takes longer to load than these bytes. */
const SMALL = 4 * 1024;

let table: Uint32Array | undefined;

/**
 * CRC-32 of bytes in memory, as zip archives declare it.
 * @param before CRC-32 of what stands before them.
 */
export async function crc32Of(bytes: Uint8Array, before = 0): Promise<number> {
  if (bytes.byteLength <= SMALL) return crc32OfSmall(bytes, before);
  const { crc32 } = await import('node:zlib');
  return crc32(bytes, before);
}

function crc32OfSmall(bytes: Uint8Array, before: number): number {
  table ??= makeTable();
  let crc = before ^ 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    crc = (table[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** The remainders of all bytes by the polynomial of zip, its bits reversed. */
function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder & 1 ? 0xedb88320 : 0) ^ (remainder >>> 1);
    return remainder;
  });
}
