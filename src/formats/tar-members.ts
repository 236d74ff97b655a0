import type { Storage } from '../checkpoint/storage.ts';
import { type ByteSource, MemorySource, SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { SequentialReader } from '../io/sequential-reader.ts';
import { type DecodedPickle, decodePickle } from '../pickle/decoder.ts';
import { PyGlobal, PyList, PyTuple, type Value } from '../pickle/values.ts';
import type { Dtype } from '../torch/dtypes.ts';
import { storageClassDtype } from '../torch/storage-id.ts';
import type { TarMember } from './tar-directory.ts';
import type { RawTensor, TensorGraph } from './tensor-graph.ts';
import type { TraceLog } from './trace-log.ts';

/** A pickle between two blocks takes about 60 bytes; this much is held before it is tried. */
const SMALL_PICKLE = 4096;
/** No torch makes tensors of more dimensions. */
const MOST_DIMENSIONS = 64;

/** A storage, or a part of one, as its key names it. */
export interface TarStorage {
  readonly storage: Storage;
  /** First element of the part. */
  readonly offset: number;
}

/** A tensor as the `tensors` member describes it. */
export interface TarTensor extends RawTensor {
  readonly storage: Storage;
}

/**
 * Reads the `storages` member: a count; for each storage a pickled `(key, location, class)`, a 64-bit number of elements and the
 * elements; at the end a list of views, `(key, key of the whole, offset, number)`.
 *
 * @param log Takes what its pickles do.
 * @throws UnreadableError `bad-archive` for what is no such thing, `truncated` where the member ends before.
 */
export async function readTarStorages(
  source: ByteSource,
  member: TarMember,
  graph: TensorGraph,
  log: TraceLog,
): Promise<Map<string, TarStorage>> {
  const reader = new SequentialReader(new SubSource(source, member.offset, member.size));
  const storages = new Map<string, TarStorage>();
  const count = countOf((await nextPickle(reader, log)).value, 'storages');
  for (let i = 0; i < count; i++) {
    const { key, location, dtype } = storageHead((await nextPickle(reader, log)).value, i);
    const numel = Number((await reader.take(8)).readBigInt64LE());
    const bytes = numel * dtype.itemSize;
    if (!(numel >= 0 && reader.position + bytes <= member.size)) {
      throw fault(
        `storage ${key} says ${numel} elements, more than the member holds`,
        member.offset + reader.position,
      );
    }
    const offset = member.offset + reader.position;
    const content = { source, offset, length: bytes };
    const storage = graph.storage({ key, dtype, bytes, content, fileOffset: offset, location });
    storages.set(key, { storage, offset: 0 });
    reader.position += bytes;
  }
  // archives of other programs end here
  if (reader.position < member.size) addViews((await nextPickle(reader, log)).value, storages);
  return storages;
}

function storageHead(value: Value, index: number): { key: string; location: string; dtype: Dtype } {
  const [key, location, storageClass] = value instanceof PyTuple ? value.items : [];
  const dtype = storageClass instanceof PyGlobal ? storageClassDtype(storageClass) : undefined;
  if (!isKey(key) || typeof location !== 'string' || !dtype) {
    throw fault(`entry ${index} of storages is no (key, location, storage class)`);
  }
  return { key: String(key), location, dtype };
}

function addViews(list: Value, storages: Map<string, TarStorage>): void {
  for (const entry of list instanceof PyList ? list.items : []) {
    const [key, whole, offset] = entry instanceof PyTuple ? entry.items : [];
    const root = isKey(whole) ? storages.get(String(whole)) : undefined;
    if (!isKey(key) || !root || typeof offset !== 'number')
      throw fault('a storage views one that is not there');
    storages.set(String(key), { storage: root.storage, offset: root.offset + offset });
  }
}

/**
 * Reads the `tensors` member: a count; for each tensor a pickled `(key, storage key, class)`, a 32-bit number of dimensions, four
 * bytes of no meaning, sizes, strides and the offset in its storage as 64-bit numbers.
 *
 * @throws UnreadableError as `readTarStorages`.
 */
export async function readTarTensors(
  source: ByteSource,
  member: TarMember,
  storages: ReadonlyMap<string, TarStorage>,
  log: TraceLog,
): Promise<Map<string, TarTensor>> {
  const reader = new SequentialReader(new SubSource(source, member.offset, member.size));
  const tensors = new Map<string, TarTensor>();
  const count = countOf((await nextPickle(reader, log)).value, 'tensors');
  for (let i = 0; i < count; i++) {
    const head = (await nextPickle(reader, log)).value;
    const [key, storageKey] = head instanceof PyTuple ? head.items : [];
    const part = isKey(storageKey) ? storages.get(String(storageKey)) : undefined;
    if (!isKey(key) || !part) throw fault(`entry ${i} of tensors is on a storage that is not there`);
    const dimensions = (await reader.take(8)).readInt32LE();
    if (!(dimensions >= 0 && dimensions <= MOST_DIMENSIONS)) {
      throw fault(`tensor ${key} has ${dimensions} dimensions`, member.offset + reader.position);
    }
    const numbers = await reader.take((2 * dimensions + 1) * 8);
    const at = (index: number) => Number(numbers.readBigInt64LE(index * 8));
    tensors.set(String(key), {
      storage: part.storage,
      shape: Array.from({ length: dimensions }, (_, dim) => at(dim)),
      stride: Array.from({ length: dimensions }, (_, dim) => at(dimensions + dim)),
      storageOffset: at(2 * dimensions) + part.offset,
    });
  }
  return tensors;
}

/** Keys were addresses: ints in the members, their text in the pickle. */
function isKey(value: Value | undefined): value is string | number | bigint {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'bigint';
}

function countOf(value: Value, noun: string): number {
  if (typeof value !== 'number' || value < 0) throw fault(`the number of ${noun} is no number`);
  return value;
}

async function nextPickle(reader: SequentialReader, log: TraceLog): Promise<DecodedPickle> {
  const held = new MemorySource(await reader.ahead(SMALL_PICKLE));
  const pickle = await decodePickle(held)
    .catch((error: unknown) => {
      if (reader.position + held.size >= reader.source.size) throw error;
      return decodePickle(reader.source, reader.position, { firstRead: 2 * held.size });
    })
    .catch((error: unknown) => {
      log.addFault(error);
      throw error;
    });
  log.add(pickle.trace);
  reader.position += pickle.length;
  return pickle;
}

function fault(what: string, offset?: number): UnreadableError {
  return new UnreadableError(
    'bad-archive',
    `tar checkpoint of torch 0.1: ${what}; get the file again`,
    offset,
  );
}
