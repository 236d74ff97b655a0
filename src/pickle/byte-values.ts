import { type ByteSource, MemorySource, type SourceRange } from '../io/byte-source.ts';
import { Latin1Source } from './latin1-source.ts';
import { encodeText } from './text.ts';
import { argumentsOf, callableName, PyBytes, PyObject, PyText, type Value } from './values.ts';

/** Bytes that stand in a pickle, in whatever form a protocol has for them. */
export interface ByteValue {
  readonly range: SourceRange;
  /** They stand as they are, at the offset of the range, in the source that the pickle was decoded from. */
  readonly inFile: boolean;
  /** Offset in that source of the payload that they are read from; undefined where that was held and had no offset. */
  readonly payloadOffset: number | undefined;
  /** They are held in memory. */
  readonly held?: Uint8Array;
}

/**
 * What a value says of bytes: `bytes` and `bytearray`; the call of `_codecs.encode(text, 'latin1')` by which protocol 2 writes them;
 * a `str` of Python 2. Undefined where it is none of these.
 * @param source The source that the pickle was decoded from.
 */
export function byteValue(value: Value | undefined, source: ByteSource): ByteValue | undefined {
  if (value instanceof PyBytes) {
    const { content, offset } = value;
    if (!(content instanceof Uint8Array))
      return { range: content, inFile: true, payloadOffset: content.offset };
    if (offset === undefined) return inMemory(content);
    return {
      range: { source, offset, length: content.length },
      inFile: true,
      payloadOffset: offset,
      held: content,
    };
  }
  // a Python-2 str that happens to be UTF-8 was decoded as text
  if (typeof value === 'string') return inMemory(encodeText(value));
  if (!(value instanceof PyObject)) return undefined;
  const name = callableName(value);
  const [text] = argumentsOf(value);
  if (name === '__builtin__.bytes' || name === 'builtins.bytes') return inMemory(new Uint8Array());
  if (name !== '_codecs.encode') return undefined;
  if (text instanceof PyText) {
    const { offset, length } = text.range;
    return {
      range: { source: new Latin1Source(text.range), offset: 0, length },
      inFile: false,
      payloadOffset: offset,
    };
  }
  if (typeof text !== 'string' || !isLatin1(text)) return undefined;
  return inMemory(Buffer.from(text, 'latin1'));
}

function inMemory(bytes: Uint8Array): ByteValue {
  return {
    range: { source: new MemorySource(bytes), offset: 0, length: bytes.length },
    inFile: false,
    payloadOffset: undefined,
    held: bytes,
  };
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}
