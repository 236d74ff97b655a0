import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { bytesOfElements, type Dtype, dtypeByName } from '../torch/dtypes.ts';

/** The length of the header, a u64, stands before it. */
const LENGTH_BYTES = 8;
/** Longer headers are refused by the safetensors library too, so that a few bytes can't claim any amount of memory. */
export const LONGEST_HEADER = 100_000_000;

/**
 * torch's dtype for each that safetensors 0.8 has, narrow ones first as in the library, which lays tensors out from the last of them to
 * the first; F6_E2M3 and F6_E3M2 have none.
 */
export const SAFETENSORS_DTYPES: Readonly<Record<string, string>> = {
  BOOL: 'bool',
  F4: 'float4_e2m1fn_x2',
  U8: 'uint8',
  I8: 'int8',
  F8_E5M2: 'float8_e5m2',
  F8_E4M3: 'float8_e4m3fn',
  F8_E8M0: 'float8_e8m0fnu',
  F8_E4M3FNUZ: 'float8_e4m3fnuz',
  F8_E5M2FNUZ: 'float8_e5m2fnuz',
  I16: 'int16',
  U16: 'uint16',
  F16: 'float16',
  BF16: 'bfloat16',
  I32: 'int32',
  U32: 'uint32',
  F32: 'float32',
  C64: 'complex64',
  F64: 'float64',
  I64: 'int64',
  U64: 'uint64',
};

/** A tensor as the header describes it, checked against its own shape and dtype. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: Dtype;
  /** As torch counts: two values of `F4` are one element. */
  readonly shape: readonly number[];
  /** First byte and the one after the last, from the start of the file. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their data, which is the order in which the library gives them. */
  readonly entries: readonly SafetensorsEntry[];
  /** `__metadata__`: strings that whoever saved the file put there. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Where the data begins. */
  readonly dataOffset: number;
  /** What the safetensors library refuses although every tensor can be told: holes, overlaps, data cut short or too long. */
  readonly damage: readonly UnreadableError[];
}

/** Bytes of the header that begins at byte 8, as the first bytes claim; undefined where they begin no safetensors file. */
export function safetensorsHeaderLength(head: Buffer, size: number): number | undefined {
  if (head.length < LENGTH_BYTES + 2) return undefined;
  const length = Number(head.readBigUInt64LE(0));
  if (length < 2 || length > LONGEST_HEADER || !/^[ \t\r\n]*\{/.test(head.toString('latin1', LENGTH_BYTES))) {
    return undefined;
  }
  // a file that ends inside its header is still one, cut short
  return LENGTH_BYTES + length <= size || /^\{\s*"/.test(head.toString('latin1', LENGTH_BYTES))
    ? length
    : undefined;
}

/**
 * Reads and checks the header by every rule of the format (safetensors 0.8): a JSON object of at most 100 MB in valid UTF-8, known
 * dtypes, whole sizes, data of just the bytes that shape and dtype need, and tensors that cover the data without hole or overlap.
 *
 * @throws UnreadableError `truncated` or `bad-archive` where the header can't be read.
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  if (source.size < LENGTH_BYTES) throw headerCut(source.size, LENGTH_BYTES);
  const lead = await source.read(0, LENGTH_BYTES);
  const length = Number(Buffer.from(lead.buffer, lead.byteOffset, LENGTH_BYTES).readBigUInt64LE(0));
  if (length > LONGEST_HEADER) {
    throw bad(
      `safetensors header of ${length} bytes is longer than the ${LONGEST_HEADER} that the format allows`,
      0,
    );
  }
  const dataOffset = LENGTH_BYTES + length;
  if (dataOffset > source.size) throw headerCut(source.size, dataOffset);
  const json = parseHeader(await source.read(LENGTH_BYTES, length));
  const metadata = metadataOf(json.__metadata__);
  const entries: SafetensorsEntry[] = [];
  for (const name of Object.keys(json)) {
    if (name !== '__metadata__') entries.push(entryOf(name, json[name], dataOffset));
  }
  // files of the library stand in this order already, but for names that are numbers, which JSON.parse puts first
  if (entries.some((entry, index) => index > 0 && inOrder(entries[index - 1] as SafetensorsEntry, entry) > 0))
    entries.sort(inOrder);
  return { entries, metadata, dataOffset, damage: coverage(entries, dataOffset, source.size) };
}

/** Of tensors that start at one place, those without elements come first. */
function inOrder(a: SafetensorsEntry, b: SafetensorsEntry): number {
  return a.begin - b.begin || a.end - b.end;
}

function bad(message: string, offset?: number): UnreadableError {
  return new UnreadableError('bad-archive', message, offset);
}

function headerCut(size: number, needed: number): UnreadableError {
  return new UnreadableError(
    'truncated',
    `safetensors header ends at byte ${needed}, but the file has ${size} bytes: it is cut short; get it again`,
    size,
  );
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let json: unknown;
  let text: string;
  try {
    // a byte order mark stays in the text, where no JSON may begin with it
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad('safetensors header is not valid UTF-8: it is damaged; get the file again', LENGTH_BYTES);
  }
  try {
    json = JSON.parse(text);
  } catch (error) {
    const reason = (error as Error).message.replace(/\s+/g, ' ').slice(0, 120);
    throw bad(`safetensors header is no JSON (${reason}): it is damaged; get the file again`, LENGTH_BYTES);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw bad('safetensors header must be a JSON object of tensors', LENGTH_BYTES);
  }
  const fraction = fractionIn(text);
  if (fraction !== undefined)
    throw bad(`safetensors header has the number ${fraction} where only whole ones may stand`);
  return json as Record<string, unknown>;
}

/** A number with a fraction or exponent, which JSON.parse may have made a whole one. Names may hold what looks like it. */
function fractionIn(text: string): string | undefined {
  const NUMBER = /[,:[]\s*(-?\d+[.eE][-+.\deE]*)/;
  if (!NUMBER.test(text)) return undefined;
  return NUMBER.exec(text.replace(/"(?:[^"\\]|\\.)*"/g, '""'))?.[1];
}

function metadataOf(value: unknown): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  if (value === undefined || value === null) return metadata;
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw bad('safetensors __metadata__ must be an object of strings');
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw bad(`safetensors __metadata__ ${quoted(key)} must be a string`);
    metadata.set(key, text);
  }
  return metadata;
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name);
}

/** Checks one tensor for itself; `end - begin` bytes are then just what its elements take. */
function entryOf(name: string, value: unknown, dataOffset: number): SafetensorsEntry {
  const fault = (what: string) => bad(`safetensors header: tensor ${quoted(name)}: ${what}`);
  // an ASCII name, which most are, needs no closer look
  if (/[^ -~]/.test(name) && /\p{Surrogate}/u.test(name)) throw fault('the name is no valid Unicode');
  if (typeof value !== 'object' || value === null)
    throw fault('must be an object of dtype, shape and data_offsets');
  const { dtype: dtypeName, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtypeName !== 'string') throw fault('has no dtype');
  const dtype = Object.hasOwn(SAFETENSORS_DTYPES, dtypeName)
    ? dtypeByName(SAFETENSORS_DTYPES[dtypeName] as string)
    : undefined;
  if (!dtype) {
    const known = dtypeName.startsWith('F6_')
      ? 'which torch has no dtype for'
      : 'which the format does not have';
    throw fault(`has the dtype ${quoted(dtypeName)}, ${known}`);
  }
  if (!isCounts(shape)) throw fault(`shape must be a list of whole numbers, found ${shown(shape)}`);
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw fault(`data_offsets must be two whole numbers, found ${shown(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw fault(`data_offsets [${begin}, ${end}] run backwards`);
  const sizes = torchShape(dtypeName, shape);
  if (!sizes) throw fault(`shape [${shape}] of ${dtypeName} does not end on a byte`);
  const elements = sizes.reduce((product, size) => product * size, 1);
  const needed = bytesOfElements(dtype, elements);
  if (!Number.isSafeInteger(needed)) throw fault(`shape [${shape}] has more elements than can be counted`);
  if (needed !== end - begin) {
    throw fault(
      `shape [${shape}] of ${dtypeName} takes ${needed} bytes, but data_offsets [${begin}, ${end}] hold ${end - begin}`,
    );
  }
  return { name, dtype, shape: sizes, begin: dataOffset + begin, end: dataOffset + end };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60);
}

/** torch's `float4_e2m1fn_x2` counts bytes of two values, and the last dimension is the one that is packed. */
function torchShape(dtype: string, shape: number[]): number[] | undefined {
  if (dtype !== 'F4') return shape;
  const last = shape.at(-1);
  return last === undefined || last % 2 !== 0 ? undefined : [...shape.slice(0, -1), last / 2];
}

/** The tensors, in the order of their data, must follow each other without hole or overlap, from the first byte to the last. */
function coverage(entries: readonly SafetensorsEntry[], dataOffset: number, size: number): UnreadableError[] {
  const damage: UnreadableError[] = [];
  let at = dataOffset;
  for (const { name, begin, end } of entries) {
    if (begin !== at) {
      const what =
        begin > at
          ? `leaves a hole of ${begin - at} bytes before it`
          : `overlaps the data before it by ${at - begin} bytes`;
      damage.push(
        bad(
          `safetensors tensor ${quoted(name)} ${what}, which the safetensors library refuses; get the file again`,
          begin,
        ),
      );
    }
    at = Math.max(at, end);
  }
  if (at > size) {
    const whole = entries.filter(({ end }) => end <= size).length;
    const message = `safetensors data ends at byte ${size} instead of ${at}: the file is cut short, ${whole} of ${entries.length} tensors are whole; get it again`;
    damage.unshift(new UnreadableError('truncated', message, size));
  } else if (at < size) {
    damage.push(
      bad(
        `${size - at} bytes stand behind the last tensor, which the safetensors library refuses; get the file again`,
        at,
      ),
    );
  }
  return damage;
}
