/** A little-endian number of four bytes, without the checks of `readUInt32LE`: who asks has seen that they are there. */
export function uint32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
  return low + (bytes[at + 3] as number) * 0x1000000;
}

/** A Python int as JavaScript holds it here: a number while it is a safe integer, else a bigint. */
export function narrow(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : value;
}

/** Reads the little-endian two's complement of LONG1 and LONG4. No bytes mean 0. */
export function decodeLong(bytes: Uint8Array): number | bigint {
  const length = bytes.length;
  if (length === 0) return 0;
  const negative = (bytes[length - 1] as number) >= 0x80;
  if (length <= 6) {
    let value = 0;
    for (let i = length - 1; i >= 0; i--) value = value * 256 + (bytes[i] as number);
    return negative ? value - 2 ** (8 * length) : value;
  }
  const hex = Buffer.from(bytes).reverse().toString('hex');
  const value = BigInt(`0x${hex}`);
  return narrow(negative ? value - (1n << BigInt(8 * length)) : value);
}

/** The shortest little-endian two's complement, as CPython's pickler writes it. */
export function encodeLong(value: number | bigint): Uint8Array {
  let rest = BigInt(value);
  if (rest === 0n) return new Uint8Array(0);
  const negative = rest < 0n;
  const magnitude = negative ? -rest - 1n : rest;
  const bits = magnitude === 0n ? 0 : magnitude.toString(2).length;
  const length = (bits >> 3) + 1;
  if (negative) rest += 1n << BigInt(8 * length);
  const hex = rest.toString(16).padStart(2 * length, '0');
  return Buffer.from(hex, 'hex').reverse();
}
