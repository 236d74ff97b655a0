/** The pickled magic number that opens a legacy `torch.save` stream: 0x1950a86a20f9469cfc6c as LONG1. */
const MAGIC = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');
/** The same in protocols 0 and 1. */
const MAGIC_TEXT = Buffer.from('L119547037146038801333356L\n.');

/** Bytes from the start of a stream that tell whether it is one; from protocol 4 on a frame stands before the number. */
export const LEGACY_START = 32;

/** Whether the first bytes are those of a legacy `torch.save` stream of any protocol. */
export function startsLikeLegacy(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, LEGACY_START));
  const at = start.indexOf(MAGIC);
  if (at >= 0) return at <= 12;
  // protocol 1 puts its number before the text
  return start.indexOf(MAGIC_TEXT) === 0;
}
