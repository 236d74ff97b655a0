/** Longer numbers are left to be read as names. */
const MOST_DIGITS = 7;
const ZERO = 0x30;
const NO_DECIMAL = -1;

/**
 * The number that a text spells as Python's `str` would; -1 for any other text, and for a number of more than seven digits. torch calls
 * its storages by such.
 */
export function decimalIn(text: string): number {
  const digits = text.length;
  if (!canBeDecimal(digits, text.charCodeAt(0))) return NO_DECIMAL;
  let number = 0;
  for (let at = 0; at < digits && number >= 0; at++) number = withDigit(number, text.charCodeAt(at));
  return number;
}

/** The same of the text that stands in ASCII from `start` to `end`. */
export function decimalInBytes(bytes: Uint8Array, start: number, end: number): number {
  if (!canBeDecimal(end - start, bytes[start] as number)) return NO_DECIMAL;
  let number = 0;
  for (let at = start; at < end && number >= 0; at++) number = withDigit(number, bytes[at] as number);
  return number;
}

function canBeDecimal(digits: number, first: number): boolean {
  return digits >= 1 && digits <= MOST_DIGITS && (first !== ZERO || digits === 1);
}

function withDigit(number: number, code: number): number {
  const digit = code - ZERO;
  return digit >= 0 && digit <= 9 ? number * 10 + digit : NO_DECIMAL;
}
