const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The bytes `[start, end)` as UTF-8 in the way of Python's `surrogatepass`: three-byte forms of lone surrogates are kept, which
 * TextDecoder would replace. Undefined where the bytes are not UTF-8 even so.
 */
export function decodeText(bytes: Buffer, start = 0, end = bytes.length): string | undefined {
  for (let i = start; i < end; i++) {
    if ((bytes[i] as number) >= 0x80) return decodeUtf8(bytes.subarray(start, end));
  }
  return bytes.toString('latin1', start, end);
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeSurrogatePass(bytes);
  }
}

function decodeSurrogatePass(bytes: Buffer): string | undefined {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i + 2 < bytes.length; i++) {
    // ED A0..BF xx is the only form of U+D800..U+DFFF; in valid UTF-8 ED is followed by 80..9F
    if (bytes[i] !== 0xed || ((bytes[i + 1] as number) & 0xe0) !== 0xa0) continue;
    if (((bytes[i + 2] as number) & 0xc0) !== 0x80) return undefined;
    try {
      parts.push(strict.decode(bytes.subarray(start, i)));
    } catch {
      return undefined;
    }
    parts.push(
      String.fromCharCode(
        0xd000 | (((bytes[i + 1] as number) & 0x3f) << 6) | ((bytes[i + 2] as number) & 0x3f),
      ),
    );
    i += 2;
    start = i + 1;
  }
  try {
    parts.push(strict.decode(bytes.subarray(start)));
  } catch {
    return undefined;
  }
  return parts.join('');
}

/** UTF-8 with lone surrogates as three bytes, as CPython's pickler writes a `str`. */
export function encodeText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  for (const point of text) {
    const code = point.codePointAt(0) as number;
    if (code >= 0xd800 && code <= 0xdfff) {
      parts.push(Buffer.from([0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]));
    } else parts.push(Buffer.from(point, 'utf8'));
  }
  return Buffer.concat(parts);
}

/** The escapes of protocol 0's UNICODE, Python's `raw-unicode-escape`: `\uXXXX` and `\UXXXXXXXX`, all else is latin-1. */
export function decodeRawUnicodeEscape(line: string): string {
  return line.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (whole, short, long) => {
    const code = Number.parseInt(short ?? long, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '',
};

/**
 * The bytes of protocol 0's STRING: a quoted Python byte-string literal.
 * Undefined where the quotes do not match or an escape is cut.
 */
export function decodeQuoted(line: string): Buffer | undefined {
  const text = line.trim();
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote) return undefined;
  let broken = false;
  const plain = text
    .slice(1, -1)
    .replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[\s\S]|$)/g, (_whole, code: string) => {
      if (code === '' || code === 'x') {
        broken = true;
        return '';
      }
      if (/^x../.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
      if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 0xff);
      return SIMPLE_ESCAPES[code] ?? `\\${code}`;
    });
  return broken ? undefined : Buffer.from(plain, 'latin1');
}
