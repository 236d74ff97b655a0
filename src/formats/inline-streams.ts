import type { GlobalUse } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { type ByteSource, checkRange, MemorySource, type SourceRange, SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { gather } from '../io/gather.ts';
import { isRange } from '../io/segment.ts';
import { type ByteValue, byteValue } from '../pickle/byte-values.ts';
import { replaceNodes } from '../pickle/replace.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import {
  argumentsOf,
  callableName,
  type PyNode,
  PyObject,
  type PyPersistent,
  type Value,
} from '../pickle/values.ts';
import { globalUses, mergedUses } from './global-uses.ts';
import { LEGACY_START, startsLikeLegacy } from './legacy-magic.ts';
import { type LegacyStream, readLegacyStream } from './legacy-stream.ts';
import type { StorageTable } from './storage-table.ts';

/** How a storage pickles itself outside of torch.save: a call of this with a whole legacy stream (torch/storage.py). */
export const LOAD_FROM_BYTES = 'torch.storage._load_from_bytes';

/** All that comes before the elements takes about 300 bytes. */
const HEAD = 1024;
/** Streams whose heads are held at a time. */
const BATCH = 1024;
/** A made file may have any number of storages of one key that all differ. */
const MOST_COMPARED = 4;
/** Contents up to this size are compared whole; of longer ones the two ends and the middle, a window each. */
const COMPARED_WHOLE = 8 * 2 ** 20;
const COMPARED_WINDOW = 2 ** 20;

/** The graph of a pickle with the streams inside it read. */
export interface InlineStreams {
  readonly root: Value;
  readonly table: StorageTable;
  /** What the pickles of the streams name. */
  readonly globals: readonly GlobalUse[];
  /** Offsets in the source at which payloads start that are in the table now, and in the graph no more. */
  readonly taken: ReadonlySet<number>;
  /** The calls that stood for the streams. */
  readonly understood: ReadonlySet<PyNode>;
  /** What the pickles of the streams would do. */
  readonly traces: readonly RecordTrace[];
}

/**
 * Reads the legacy streams that stand as bytes inside a pickle, and puts what they hold where the calls stand that would load them.
 * pickle.dump writes a storage once for each tensor on it; those of one key and the same bytes become one storage again.
 *
 * @param source The source that the pickle was decoded from.
 * @throws UnreadableError as `readLegacyStream`, with the offset of the call in the pickle.
 */
export async function readInlineStreams(root: Value, source: ByteSource): Promise<InlineStreams> {
  const calls = callsIn(root, source);
  const pool = new StoragePool();
  const results = new Map<PyNode, Value>();
  let globals: readonly GlobalUse[] = [];
  const taken = new Set<number>();
  const traces: RecordTrace[] = [];
  for (let start = 0; start < calls.length; start += BATCH) {
    const batch = calls.slice(start, start + BATCH);
    const heads = await readHeads(batch);
    for (const [index, { node, value }] of batch.entries()) {
      const blob = blobSource(value, heads.subarray(index * HEAD, (index + 1) * HEAD));
      if (!startsLikeLegacy(await blob.read(0, Math.min(LEGACY_START, blob.size)))) continue;
      const stream = await readStream(blob, value, node);
      results.set(node, stream.root);
      taken.add(value.payloadOffset ?? -1);
      const pickles = [stream.pickle, ...stream.others];
      globals = mergedUses(globals, ...pickles.map((pickle) => globalUses(pickle.globals)));
      for (const { trace } of pickles) traces.push({ record: '', trace });
      await pool.add(stream.table, value.inFile);
    }
  }
  const replaced = results.size > 0 ? replaceNodes(root, (node) => results.get(node)) : root;
  return { root: replaced, table: pool.table(), globals, taken, understood: new Set(results.keys()), traces };
}

interface Call {
  readonly node: PyObject;
  readonly value: ByteValue;
}

function callsIn(root: Value, source: ByteSource): Call[] {
  const calls: Call[] = [];
  replaceNodes(root, (node) => {
    if (!(node instanceof PyObject) || callableName(node) !== LOAD_FROM_BYTES) return undefined;
    const value = byteValue(argumentsOf(node)[0], source);
    if (value) calls.push({ node, value });
    return undefined;
  });
  return calls;
}

/** The first bytes of every stream that is not held, in few reads. */
async function readHeads(calls: readonly Call[]): Promise<Buffer> {
  const heads = Buffer.alloc(calls.length * HEAD);
  const reads = calls.flatMap(({ value: { range, inFile, held } }, index) =>
    inFile && !held ? [{ ...range, length: Math.min(HEAD, range.length), at: index * HEAD }] : [],
  );
  await gather(reads, heads);
  return heads;
}

function blobSource({ range, held, inFile }: ByteValue, head: Uint8Array): ByteSource {
  if (held) return new MemorySource(held);
  if (!inFile) return range.source;
  return new HeadedSource(range, head.subarray(0, Math.min(HEAD, range.length)));
}

/** A range whose first bytes are there already. */
class HeadedSource implements ByteSource {
  readonly size: number;
  readonly #whole: SubSource;
  readonly #head: Uint8Array;

  constructor({ source, offset, length }: SourceRange, head: Uint8Array) {
    this.size = length;
    this.#whole = new SubSource(source, offset, length);
    this.#head = head;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.size, offset, length);
    return offset + length <= this.#head.length
      ? this.#head.subarray(offset, offset + length)
      : this.#whole.read(offset, length);
  }
}

async function readStream(blob: ByteSource, { range }: ByteValue, node: PyObject): Promise<LegacyStream> {
  const place = (offset: number, length: number): SourceRange => ({
    source: range.source,
    offset: range.offset + offset,
    length,
  });
  try {
    const stream = await readLegacyStream(blob, { place, firstRead: HEAD / 4 });
    if (stream.dataStart === undefined || stream.end > blob.size) {
      throw new UnreadableError('truncated', `its storages need ${stream.end} bytes, ${blob.size} are there`);
    }
    return stream;
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw new UnreadableError(
      error.code,
      `storage inside the pickle, loaded by the call at offset ${node.offset}: ${error.message}`,
      node.offset,
    );
  }
}

/** The storages of many streams, those that are the same only once. */
class StoragePool {
  readonly #alike = new Map<string, Storage[]>();
  readonly #keys = new Map<string, number>();
  readonly #storages: Storage[] = [];
  readonly #storageOf = new Map<PyPersistent, Storage>();
  readonly #damage: UnreadableError[] = [];

  async add({ storages, storageOf, damage }: StorageTable, inFile: boolean): Promise<void> {
    this.#damage.push(...damage);
    const settled = new Map<Storage, Storage>();
    for (const storage of storages) settled.set(storage, await this.#settle(storage, inFile));
    for (const [node, storage] of storageOf) this.#storageOf.set(node, settled.get(storage) as Storage);
  }

  table(): StorageTable {
    return { storages: this.#storages, storageOf: this.#storageOf, damage: this.#damage };
  }

  async #settle(storage: Storage, inFile: boolean): Promise<Storage> {
    const { key, storageClass, location, numel } = storage;
    const identity = JSON.stringify([key, storageClass.qualifiedName, location, numel]);
    const alike = this.#alike.get(identity) ?? [];
    for (const other of alike) if (await sameBytes(storage, other)) return other;
    const own = {
      ...storage,
      key: this.#freeKey(key),
      fileOffset: inFile ? storage.fileOffset : null,
    };
    if (alike.length < MOST_COMPARED) this.#alike.set(identity, [...alike, own]);
    this.#storages.push(own);
    return own;
  }

  #freeKey(key: string): string {
    const uses = (this.#keys.get(key) ?? 0) + 1;
    this.#keys.set(key, uses);
    return uses === 1 ? key : `${key}#${uses}`;
  }
}

/** Keys were addresses: the same one with the same bytes was the same storage. */
async function sameBytes(a: Storage, b: Storage): Promise<boolean> {
  const { bytes } = a;
  if (bytes <= COMPARED_WHOLE) return sameWindow(a, b, 0, bytes);
  const starts = [0, Math.floor((bytes - COMPARED_WINDOW) / 2), bytes - COMPARED_WINDOW];
  for (const start of starts) if (!(await sameWindow(a, b, start, COMPARED_WINDOW))) return false;
  return true;
}

async function sameWindow(a: Storage, b: Storage, start: number, length: number): Promise<boolean> {
  if (length === 0) return true;
  const [ours, theirs] = await Promise.all(
    [a, b].map(async ({ content }) =>
      content && isRange(content) ? content.source.read(content.offset + start, length) : undefined,
    ),
  );
  return ours !== undefined && theirs !== undefined && Buffer.compare(ours, theirs) === 0;
}
