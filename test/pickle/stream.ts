import { MemorySource } from '../../src/io/byte-source.ts';
import { readSegment, type Segment } from '../../src/io/segment.ts';
import { type DecodedPickle, type DecodeOptions, decodePickle } from '../../src/pickle/decoder.ts';
import { type EncodeOptions, encodePickle } from '../../src/pickle/encoder.ts';
import { Op, type OpName } from '../../src/pickle/opcodes.ts';
import type { Value } from '../../src/pickle/values.ts';

/** A piece of a hand-assembled stream: an opcode by name, or bytes. */
export type Piece = OpName | Uint8Array;

export function stream(...pieces: readonly Piece[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === 'string' ? Buffer.of(Op[piece]) : Buffer.from(piece))),
  );
}

export const text = (content: string): Buffer => Buffer.from(content, 'latin1');
export const u1 = (value: number): Buffer => Buffer.of(value);
const numbered =
  (size: number, write: (bytes: Buffer, value: number) => void) =>
  (value: number): Buffer => {
    const bytes = Buffer.alloc(size);
    write(bytes, value);
    return bytes;
  };
export const u2 = numbered(2, (bytes, value) => bytes.writeUInt16LE(value));
export const u4 = numbered(4, (bytes, value) => bytes.writeUInt32LE(value));
export const i4 = numbered(4, (bytes, value) => bytes.writeInt32LE(value));
export const u8 = numbered(8, (bytes, value) => bytes.writeBigUInt64LE(BigInt(value)));
export const f8 = numbered(8, (bytes, value) => bytes.writeDoubleBE(value));

export function decode(bytes: Uint8Array, options: DecodeOptions = {}): Promise<DecodedPickle> {
  return decodePickle(new MemorySource(bytes), 0, options);
}

/** The value of a stream, in short. */
export async function decodedValue(bytes: Uint8Array): Promise<Value> {
  return (await decode(bytes)).value;
}

/** What is wrong with a stream; undefined where nothing is. */
export async function faultOf(bytes: Uint8Array): Promise<unknown> {
  return decode(bytes).then(
    () => undefined,
    (error: unknown) => error,
  );
}

export async function encode(value: Value, options: EncodeOptions = {}): Promise<Buffer> {
  return bytesOf(encodePickle(value, options).content);
}

export async function bytesOf(segments: readonly Segment[]): Promise<Buffer> {
  return Buffer.concat(await Promise.all(segments.map((segment) => readSegment(segment, 2 ** 26))));
}
