/** Payload of the first extra field of a kind; empty where there is none. A field that passes the end ends the search. */
export function extraField(bytes: Buffer, start: number, length: number, id: number): Buffer {
  const limit = start + length;
  let at = start;
  while (at + 4 <= limit) {
    const next = at + 4 + bytes.readUInt16LE(at + 2);
    if (next > limit) break;
    if (bytes.readUInt16LE(at) === id) return bytes.subarray(at + 4, next);
    at = next;
  }
  return bytes.subarray(limit, limit);
}
