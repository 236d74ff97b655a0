import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import type { Tensor } from '../../checkpoint/tensor.ts';
import { isContiguous } from '../../checkpoint/view-coverage.ts';
import { counted, listed } from '../../diagnose/wording.ts';
import { LONGEST_HEADER } from '../../formats/safetensors-header.ts';
import type { ByteSink } from '../../io/byte-sink.ts';
import { RefusedError } from '../../io/errors.ts';
import type { Segment } from '../../io/segment.ts';
import { WindowedWriter } from '../../io/windowed-writer.ts';
import { PyDict, PyFloat, type Value } from '../../pickle/values.ts';
import type { WriteOptions } from '../../zip/writer.ts';
import { denseContent } from '../dense.ts';
import { compareSegments, differs, type VerifyLevel } from '../verify.ts';
import { Checksums } from './checksums.ts';
import { flatTensors } from './flat-tensors.ts';
import type { OutputFilePlan } from './output.ts';
import {
  inFileOrder,
  refuseFormless,
  safetensorsDtype,
  safetensorsShape,
  shareOut,
} from './safetensors-tensors.ts';

/** The length of the header stands before it, and the data begins at a multiple of this. */
const ALIGNMENT = 8;

/** A checkpoint as safetensors has it. */
export interface SafetensorsContent {
  /** In the order of the checkpoint. */
  readonly tensors: readonly Tensor[];
  /** Name of every tensor that is the same as another, with the name of that one. */
  readonly aliases: ReadonlyMap<string, string>;
  /** What goes into `__metadata__` besides. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/**
 * What of a checkpoint goes into safetensors, which has nothing but contiguous tensors by name, and a few words:
 *
 * - of tensors that are the same, the first is written, and the others are named in `__metadata__` with the name of that one, as
 *   safetensors' `save_model` does;
 * - tensors that overlap otherwise are written whole, each;
 * - elements that stand apart are written in C order, torch's lazy bits resolved;
 * - texts and numbers beside the tensors go into `__metadata__`; other values are left out and named;
 * - `__metadata__` says `format: pt`, without which transformers refuses the file.
 *
 * @throws RefusedError for tensors that safetensors has no form for, and where the root is no dict of tensors.
 */
export function safetensorsContent(checkpoint: Checkpoint): SafetensorsContent {
  const { tensors, others } = flatTensors(checkpoint, 'safetensors');
  refuseFormless(tensors);
  const metadata = new Map(sourceMetadata(checkpoint));
  const left: string[] = [];
  const told: string[] = [];
  for (const { name, value } of others) {
    const text = plainText(value);
    if (text === undefined || name === 'format') left.push(name);
    else {
      metadata.set(name, text);
      told.push(name);
    }
  }
  if (!metadata.has('format')) metadata.set('format', 'pt');
  const { kept, aliases, repeatedBytes } = shareOut(tensors, metadata);
  const apart = kept.filter((tensor) => !isContiguous(tensor)).length;
  const notes: string[] = [];
  if (aliases.size > 0) {
    const pairs = Array.from(aliases, ([name, same]) => `${name} = ${same}`);
    notes.push(
      `${counted(aliases.size, 'tensor')} that ${aliases.size === 1 ? 'is' : 'are'} the same as another stand only in __metadata__ (${listed(pairs)}); --untie writes each`,
    );
  }
  if (repeatedBytes > 0)
    notes.push(`${repeatedBytes} bytes more, for elements that several tensors share or one repeats`);
  if (apart > 0)
    notes.push(`${counted(apart, 'tensor')} whose elements stood apart ${are(apart)} written in C order`);
  if (told.length > 0)
    notes.push(
      `${counted(told.length, 'value')} beside the tensors ${are(told.length)} kept as text in __metadata__: ${listed(told, 6)}`,
    );
  if (left.length > 0)
    notes.push(
      `${counted(left.length, 'value')} beside the tensors ${are(left.length)} left out: ${listed(left, 6)}`,
    );
  return { tensors: kept, aliases, metadata, notes };
}

function are(count: number): string {
  return count === 1 ? 'is' : 'are';
}

/** `__metadata__` of the source, where that is safetensors too. */
function sourceMetadata({ annotations }: Checkpoint): [string, string][] {
  const held = annotations?.values[annotations.keys.indexOf('__metadata__')];
  if (!(held instanceof PyDict)) return [];
  return held.keys.map((key, index) => [String(key), String(held.values[index])]);
}

function plainText(value: Value): string | undefined {
  if (value instanceof PyFloat) return String(value.value);
  return ['string', 'number', 'boolean', 'bigint'].includes(typeof value) ? String(value) : undefined;
}

interface Placed {
  readonly tensor: Tensor;
  readonly content: Segment;
}

/** A file of some of the tensors. @throws RefusedError where its header would be longer than the format allows. */
export function safetensorsFile(
  { aliases, metadata }: Pick<SafetensorsContent, 'aliases' | 'metadata'>,
  tensors: readonly Tensor[],
): OutputFilePlan {
  const ordered = [...tensors].sort(inFileOrder);
  const names = new Set(tensors.map(({ name }) => name));
  const words = new Map(metadata);
  for (const [name, same] of aliases) if (names.has(same)) words.set(name, same);
  const header = headerBytes(ordered, words);
  const placed = ordered.map((tensor): Placed => {
    const content = tensor.bytes === 0 ? new Uint8Array() : denseContent(tensor);
    return { tensor, content };
  });
  const size = ordered.reduce((sum, { bytes }) => sum + bytes, header.length);
  return {
    size,
    write: (sink, options) => write(sink, size, header, placed, options),
    verify: (written, level) => verify(written, level, placed, words),
  };
}

function headerBytes(tensors: readonly Tensor[], metadata: ReadonlyMap<string, string>): Buffer {
  const parts = [`"__metadata__":${JSON.stringify(Object.fromEntries(metadata))}`];
  let at = 0;
  for (const tensor of tensors) {
    const end = at + tensor.bytes;
    parts.push(
      `${JSON.stringify(tensor.name)}:{"dtype":"${safetensorsDtype(tensor.dtype)}","shape":[${safetensorsShape(tensor)}],"data_offsets":[${at},${end}]}`,
    );
    at = end;
  }
  const json = Buffer.from(`{${parts.join(',')}}`);
  const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  if (length > LONGEST_HEADER) {
    throw new RefusedError(
      `the header of ${tensors.length} tensors takes ${length} bytes, safetensors allows ${LONGEST_HEADER}; write a torch file, or several with --shard-size`,
    );
  }
  const bytes = Buffer.alloc(8 + length, ' ');
  bytes.writeBigUInt64LE(BigInt(length));
  json.copy(bytes, 8);
  return bytes;
}

async function write(
  sink: ByteSink,
  size: number,
  header: Buffer,
  placed: readonly Placed[],
  { onProgress }: WriteOptions,
): Promise<string[]> {
  let written = 0;
  const writer = new WindowedWriter(sink, size, (bytes) => {
    written += bytes;
    onProgress?.(written, size);
  });
  const checksums = new Checksums();
  try {
    await writer.appendSegment(header, () => {});
    for (const { tensor, content } of placed) {
      const waiting = writer.appendSegment(content, checksums.of(tensor.storage, content));
      if (waiting !== undefined) await waiting;
    }
    await writer.end();
  } finally {
    await writer.settle();
  }
  return checksums.corrupted();
}

async function verify(
  written: Checkpoint,
  level: VerifyLevel,
  placed: readonly Placed[],
  metadata: ReadonlyMap<string, string>,
): Promise<void> {
  if (written.damage[0]) throw differs(written.damage[0].message);
  if (written.container.kind !== 'safetensors') throw differs(`the file is ${written.container.kind}`);
  if (written.tensors.length !== placed.length)
    throw differs(`${written.tensors.length} tensors, expected ${placed.length}`);
  const words = new Map(sourceMetadata(written));
  for (const [name, text] of metadata)
    if (words.get(name) !== text) throw differs(`__metadata__ ${name} is not ${text}`);
  const found = new Map(written.tensors.map((tensor) => [tensor.name, tensor]));
  for (const { tensor, content } of placed) {
    const { name, dtype, shape } = tensor;
    const other = found.get(name);
    if (other?.dtype.name !== dtype.name || String(other.shape) !== String(shape))
      throw differs(`tensor ${name} is not ${dtype.name} [${shape}]`);
    if (level === 'full' && tensor.bytes > 0)
      await compareSegments(content, other.storage?.content as Segment, `tensor ${name}`);
  }
}
