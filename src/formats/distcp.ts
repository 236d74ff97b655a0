import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { readTensor } from '../checkpoint/read-tensor.ts';
import { isContiguous } from '../checkpoint/view-coverage.ts';
import { MemorySource, type SourceRange, SubSource } from '../io/byte-source.ts';
import { type ArrayChunk, ChunkedSource } from '../io/chunked-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { openFile } from '../io/file-source.ts';
import { isRange } from '../io/segment.ts';
import { type DecodedPickle, decodePickle } from '../pickle/decoder.ts';
import { PickleFault, type RecordTrace } from '../pickle/trace.ts';
import type { Value } from '../pickle/values.ts';
import { bytesOfElements, type Dtype } from '../torch/dtypes.ts';
import { Archive } from './archive.ts';
import { assembleCheckpoint } from './assemble.ts';
import { type DistcpItem, readDistcpMetadata, type StoredChunk, type StoredPart } from './distcp-metadata.ts';
import { FolderFiles } from './folder-files.ts';
import { faultTraces, mergeGlobals, mergeStorages, mergeTraces, type Part } from './merge.ts';
import { TensorGraph } from './tensor-graph.ts';
import { openTorchZip } from './torch-zip.ts';
import { Unflattened } from './unflatten.ts';

/** Values beside the tensors that are opened at a time. */
const AT_ONCE = 16;
/** A chunk whose elements do not stand in C order is brought into that order in memory. */
const LARGEST_REORDERED = 64 * 2 ** 20;

/**
 * Opens a folder that torch.distributed.checkpoint wrote, as the nested dict that `dcp_to_torch_save` makes of it: every tensor
 * whole, whatever ranks held which chunks. Only `.metadata` and the values beside the tensors are read; that every chunk's range
 * lies in its file is checked, and what does not is told as damage.
 *
 * @throws UnreadableError where `.metadata` can't be read.
 */
export async function openDistcp(path: string): Promise<Checkpoint> {
  const source = await openFile(join(path, '.metadata'));
  const folder = new FolderFiles(path);
  try {
    const pickle = await decodePickle(source);
    const items = itemsOf(pickle);
    const graph = new TensorGraph();
    const tree = new Unflattened(items.length);
    const order = new DenseChunks();
    const broken: RecordTrace[] = [];
    const values = await openValues(items, folder, graph, broken);
    const parts: Part[] = [];
    for (const [index, item] of items.entries()) {
      const opened = values.get(item);
      if (opened) parts.push({ name: item.fqn, checkpoint: opened });
      const value = item.kind === 'tensor' ? await tensorOf(item, index, folder, graph, order) : opened?.root;
      if (value === undefined) continue;
      if (!tree.set(item.path, value)) {
        graph.addDamage(
          new UnreadableError(
            'bad-pickle',
            `.metadata places ${JSON.stringify(item.fqn)} where another value stands`,
          ),
        );
      }
    }
    const own = graph.table();
    const others = mergeStorages(parts);
    const checkpoint = assembleCheckpoint({
      path,
      source,
      container: { kind: 'distcp', byteOrder: 'little', folder: 'torch.distributed.checkpoint folder' },
      root: tree.root,
      table: {
        storages: [...own.storages, ...others.storages],
        storageOf: new Map([...own.storageOf, ...others.storageOf]),
        damage: [...own.damage, ...others.damage],
      },
      pickle,
      traces: [{ record: '.metadata', trace: pickle.trace }, ...mergeTraces(parts), ...broken],
      sharding: {
        files: [{ name: '.metadata', bytes: source.size }, ...(await folder.listing())],
        lostKeys: [],
        repeatedKeys: [],
        unlistedKeys: [],
      },
      closeAlso: [folder],
    });
    // the classes of .metadata are those that its loader unpickles by itself
    const named = checkpoint.globals.filter(
      ({ name }) => !/^(torch\.distributed\.checkpoint\.|pathlib\.)/.test(name),
    );
    const globals = mergeGlobals([
      { name: '.metadata', checkpoint: { ...checkpoint, globals: named } },
      ...parts,
    ]);
    return { ...checkpoint, globals };
  } catch (error) {
    await Promise.all([source.close?.(), folder.close()]);
    throw error;
  }
}

/** What is no description of a checkpoint may be a pickle for something else: what it does goes with the error. */
function itemsOf({ value, trace }: DecodedPickle): DistcpItem[] {
  try {
    return readDistcpMetadata(value);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw new PickleFault(error, [{ record: '.metadata', trace }]);
  }
}

/** The range of a file that holds a part; what is wrong with it goes to the damage. */
async function rangeOf(
  part: StoredPart | undefined,
  subject: string,
  folder: FolderFiles,
  graph: TensorGraph,
): Promise<SourceRange | undefined> {
  if (!part) {
    graph.addDamage(
      new UnreadableError(
        'missing-record',
        `.metadata names no file for ${subject}; get the checkpoint again`,
      ),
    );
    return undefined;
  }
  const { file, offset, length, transforms } = part;
  const source = await folder.file(file);
  if (source instanceof UnreadableError) {
    const why =
      source.code === 'not-found'
        ? `file ${file} is missing`
        : `file ${file} can't be read: ${source.message}`;
    graph.addDamage(
      new UnreadableError(
        source.code === 'not-found' ? 'missing-record' : source.code,
        `${why}: ${subject} is lost; copy the whole folder again`,
      ),
    );
    return undefined;
  }
  if (offset + length > source.size) {
    graph.addDamage(
      new UnreadableError(
        'short-record',
        `file ${file} has ${source.size} bytes, but ${subject} stands at ${offset} to ${offset + length}: it is cut short; copy it again`,
        source.size,
      ),
    );
    return undefined;
  }
  if (transforms.length > 0) {
    graph.addDamage(
      new UnreadableError(
        'unsupported',
        `${subject} was written through ${transforms.join(', ')}, which is not supported; load it with torch.distributed.checkpoint`,
      ),
    );
    return undefined;
  }
  return { source, offset, length };
}

type TensorItem = Extract<DistcpItem, { kind: 'tensor' }>;

async function tensorOf(
  item: TensorItem,
  index: number,
  folder: FolderFiles,
  graph: TensorGraph,
  order: DenseChunks,
): Promise<Value> {
  const { fqn, dtype, shape, requiresGrad } = item;
  const elements = shape.reduce((product, size) => product * size, 1);
  const bytes = bytesOfElements(dtype, elements);
  if (!Number.isSafeInteger(bytes))
    throw new UnreadableError(
      'bad-pickle',
      `.metadata: tensor ${JSON.stringify(fqn)} of [${shape}] is too large to be true`,
    );
  const chunks: ArrayChunk[] = [];
  let covered = 0;
  for (const chunk of item.chunks) {
    const range = await rangeOf(chunk.part, `a chunk of tensor ${JSON.stringify(fqn)}`, folder, graph);
    if (!range) continue;
    covered += chunk.sizes.reduce((product, size) => product * size, 1);
    chunks.push({
      offsets: chunk.offsets,
      sizes: chunk.sizes,
      locate: () => order.locate(range, chunk, dtype, fqn),
    });
  }
  const isWhole = chunks.length === item.chunks.length;
  if (isWhole && covered !== elements) {
    graph.addDamage(
      new UnreadableError(
        'bad-pickle',
        `.metadata: the chunks of tensor ${JSON.stringify(fqn)} hold ${covered} elements, not the ${elements} of [${shape}]`,
      ),
    );
  }
  const storage = graph.storage({
    key: String(index),
    dtype,
    bytes,
    content: isWhole
      ? { source: new ChunkedSource(shape, dtype.itemSize, chunks), offset: 0, length: bytes }
      : undefined,
    fileOffset: null,
  });
  return graph.tensor(storage, { shape, requiresGrad });
}

/** A range of a file is a complete archive of torch.save. */
async function openPart(range: SourceRange, name: string): Promise<Checkpoint> {
  const archive = await Archive.open(new SubSource(range.source, range.offset, range.length));
  const content = archive.content('data.pkl');
  if (content) return openTorchZip(archive, content, name);
  throw new UnreadableError('missing-record', 'its archive has no data.pkl: it is damaged', range.offset);
}

/** Finds the elements of chunks in the archives that hold them. */
class DenseChunks {
  /** The last chunk that had to be reordered; the pieces of one chunk are asked for one after the other. */
  #reordered: { readonly range: SourceRange; readonly place: Promise<SourceRange> } | undefined;
  readonly #places = new WeakMap<SourceRange, SourceRange>();

  async locate(range: SourceRange, chunk: StoredChunk, dtype: Dtype, fqn: string): Promise<SourceRange> {
    const known = this.#places.get(range);
    if (known) return known;
    if (this.#reordered?.range === range) return this.#reordered.place;
    const checkpoint = await openPart(range, fqn);
    const [tensor] = checkpoint.tensors;
    const place = tensor?.storage?.content;
    if (checkpoint.damage[0]) throw checkpoint.damage[0];
    if (
      !tensor ||
      !place ||
      tensor.path.length > 0 ||
      tensor.dtype !== dtype ||
      String(tensor.shape) !== String(chunk.sizes)
    ) {
      throw new UnreadableError(
        'bad-archive',
        `chunk of tensor ${JSON.stringify(fqn)}: expected ${dtype.name} [${chunk.sizes}], found ${tensor ? `${tensor.dtype.name} [${tensor.shape}]` : 'no tensor'}`,
        range.offset,
      );
    }
    if (
      isRange(place) &&
      isContiguous(tensor) &&
      !tensor.conj &&
      !tensor.neg &&
      tensor.storage?.byteOrder === 'little'
    ) {
      const found = {
        source: place.source,
        offset: place.offset + tensor.storageOffset * dtype.itemSize,
        length: tensor.bytes,
      };
      this.#places.set(range, found);
      return found;
    }
    const reordered = readTensor(tensor, { maxBytes: LARGEST_REORDERED }).then((array) => ({
      source: new MemorySource(new Uint8Array(array.buffer)),
      offset: 0,
      length: array.byteLength,
    }));
    this.#reordered = { range, place: reordered };
    return reordered;
  }
}

/**
 * The values that are no tensors: each is a torch.save archive of its own.
 * @param broken Takes what the pickles of those that can't be read had done by then.
 */
async function openValues(
  items: readonly DistcpItem[],
  folder: FolderFiles,
  graph: TensorGraph,
  broken: RecordTrace[],
): Promise<Map<DistcpItem, Checkpoint>> {
  const opened = new Map<DistcpItem, Checkpoint>();
  const wanted = items.flatMap((item) => (item.kind === 'bytes' ? [item] : []));
  let next = 0;
  const worker = async () => {
    for (let item = wanted[next++]; item; item = wanted[next++]) {
      const subject = `the value ${JSON.stringify(item.fqn)}`;
      const range = await rangeOf(item.part, subject, folder, graph);
      if (!range) continue;
      try {
        const checkpoint = await openPart(range, item.fqn);
        opened.set(item, checkpoint);
      } catch (error) {
        if (!(error instanceof UnreadableError)) throw error;
        broken.push(...faultTraces(item.fqn, error));
        graph.addDamage(new UnreadableError(error.code, `${subject} can't be read: ${error.message}`));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return opened;
}
