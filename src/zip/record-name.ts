/** The bytes `[start, end)` of a directory or a local header as the name of a record; `view` is over the same bytes. */
export function decodeName(bytes: Buffer, view: DataView, start: number, end: number): string {
  return isAscii(view, start, end)
    ? bytes.toString('latin1', start, end)
    : decodeForeignName(bytes.subarray(start, end));
}

/** Four bytes at a step: of 100 000 names this is the only work per byte that runs in JavaScript. */
export function isAscii(view: DataView, start: number, end: number): boolean {
  let seen = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) seen |= view.getUint32(at, true);
  for (; at < end; at++) seen |= view.getUint8(at);
  return (seen & 0x80808080) === 0;
}

/**
 * torch writes and reads names as raw bytes, so they are UTF-8 where they are valid UTF-8, whatever the flag says. What is
 * not keeps one character per byte, so that no two names of that kind become one.
 */
export function decodeForeignName(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}
