import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { MemorySource, SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange, readSegment, type Segment } from '../io/segment.ts';
import { PyDict, type Value } from '../pickle/values.ts';
import { type Dtype, dtypeByName } from '../torch/dtypes.ts';
import { Archive } from './archive.ts';
import { archiveFacts } from './archive-facts.ts';
import { assembleCheckpoint } from './assemble.ts';
import { mergeGlobals, mergeStorages, mergeTraces, type Part } from './merge.ts';
import { retold } from './retold.ts';
import { sweepArchive } from './sweep-archive.ts';
import { TensorGraph } from './tensor-graph.ts';
import { openTorchZip } from './torch-zip.ts';

/** The description of a million tensors takes less. */
const LONGEST_CONFIG = 512 * 2 ** 20;
/** A torch.save stream that was deflated has to be inflated into memory; torch itself stores them. */
const LARGEST_INFLATED = 256 * 2 ** 20;
/** `torch._export.serde.schema.Layout.Strided`. */
const STRIDED = 7;

/** dtypes by their number in `torch._export.serde.schema.ScalarType`, which is not that of C++. */
const DTYPES: Readonly<Record<number, string>> = {
  1: 'uint8',
  2: 'int8',
  3: 'int16',
  4: 'int32',
  5: 'int64',
  6: 'float16',
  7: 'float32',
  8: 'float64',
  9: 'complex32',
  10: 'complex64',
  11: 'complex128',
  12: 'bool',
  13: 'bfloat16',
  28: 'uint16',
  29: 'float8_e4m3fn',
  30: 'float8_e5m2',
  31: 'float8_e4m3fnuz',
  32: 'float8_e5m2fnuz',
  33: 'float8_e8m0fnu',
  34: 'uint32',
  35: 'uint64',
};

/** Records of torch 2.1 to 2.7, each a torch.save stream of its own; the first releases called them `.json`. */
const OLD_STATE = ['serialized_state_dict.pt', 'serialized_state_dict.json'];
const OLD_CONSTANTS = ['serialized_constants.pt', 'serialized_constants.json'];

/**
 * Opens what `torch.export.save` writes: `{state_dict, constants}` of the exported program. Since torch 2.8 each tensor is a record
 * of raw bytes that a JSON file describes; before, both are torch.save streams within the archive.
 *
 * @throws UnreadableError where the weights can't be read.
 */
export async function openTorchExport(archive: Archive, path: string): Promise<Checkpoint> {
  const graph = new TensorGraph();
  const parts: Part[] = [];
  const isNew = archive.has('archive_format');
  const [stateDict, constants] = isNew
    ? [
        await readTensors(archive, 'weights', graph, parts),
        await readTensors(archive, 'constants', graph, parts),
      ]
    : [await openFirst(archive, OLD_STATE, parts), await openFirst(archive, OLD_CONSTANTS, parts)];
  const facts = await archiveFacts(archive);
  const own = graph.table();
  const others = mergeStorages(parts);
  const root = new PyDict(['state_dict'], [stateDict ?? new PyDict()]);
  if (constants !== undefined && !isEmpty(constants)) {
    root.keys.push('constants');
    root.values.push(constants);
  }
  const storages = [...own.storages, ...others.storages];
  const read = { others: parts.map(({ name }) => name), storages: own.storages };
  const checkpoint = assembleCheckpoint({
    path,
    source: archive.source,
    traces: [...mergeTraces(parts), ...(await sweepArchive(archive, read, facts.oddities ?? []))],
    container: {
      kind: 'torch-export',
      byteOrder: facts.byteOrder === 'big' ? 'big' : 'little',
      root: archive.root,
      entries: archive.entries.length,
      era: isNew ? 'torch 2.8 or newer' : 'torch 2.1 to 2.7',
    },
    root,
    table: {
      storages,
      storageOf: new Map([...own.storageOf, ...others.storageOf]),
      damage: [...own.damage, ...others.damage],
    },
    records: () => archive.records(),
    loadable: async () => ({
      root: root.values[0] as Value,
      notes: [
        'the exported program is left out: what is written is its state_dict',
        ...(root.keys.length > 1
          ? ['constants of the program (buffers that are not saved, literal tensors) are left out']
          : []),
      ],
    }),
  });
  return { ...checkpoint, globals: mergeGlobals(parts) };
}

function isEmpty(value: Value): boolean {
  return value instanceof PyDict && value.keys.length === 0;
}

type Json = Readonly<Record<string, unknown>>;

function fault(what: string): UnreadableError {
  return new UnreadableError('bad-archive', `torch.export archive: ${what}; get the file again`);
}

/** Every `data/<folder>/<model>_<folder>_config.json`: one as a rule, one a model where several were packed together. */
async function readTensors(
  archive: Archive,
  folder: string,
  graph: TensorGraph,
  parts: Part[],
): Promise<Value | undefined> {
  const prefix = `data/${folder}/`;
  const keys: Value[] = [];
  const values: Value[] = [];
  const storages = new Map<string, Storage>();
  for (const { name } of archive.records()) {
    if (!name.startsWith(prefix) || !name.endsWith(`_${folder}_config.json`)) continue;
    const config = await readConfig(archive, name);
    for (const [key, described] of Object.entries(config)) {
      const {
        path_name: file,
        is_param: isParameter,
        use_pickle: isPickle,
        tensor_meta: meta,
      } = object(described, key);
      if (typeof file !== 'string') throw fault(`${quoted(key)} names no record`);
      const record = `${prefix}${file}`;
      let value: Value | undefined;
      if (isPickle === true) value = await openStream(archive, record, parts);
      // what is no tensor: an object of TorchScript classes that the program was given
      else if (meta === null || meta === undefined) continue;
      else value = readTensor(key, object(meta, key), record, archive, graph, storages);
      if (value === undefined) throw fault(`record ${record} of ${quoted(key)} is missing`);
      keys.push(key);
      values.push(
        isParameter === true && isPickle !== true
          ? graph.parameter(value, object(meta, key).requires_grad === true)
          : value,
      );
    }
  }
  return keys.length > 0 ? new PyDict(keys, values) : undefined;
}

async function readConfig(archive: Archive, record: string): Promise<Json> {
  const content = archive.content(record) as Segment;
  try {
    const text = Buffer.from(await readSegment(content, LONGEST_CONFIG)).toString('utf8');
    return object(object(JSON.parse(text), record).config, record);
  } catch (error) {
    if (error instanceof UnreadableError) throw error;
    throw fault(`${record} is no JSON (${(error as Error).message.replace(/\s+/g, ' ').slice(0, 100)})`);
  }
}

function object(value: unknown, name: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw fault(`the description of ${quoted(name)} is no object`);
  return value as Json;
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name);
}

/** `{"as_int": 3}`; other forms stand for sizes that are not fixed, which no weight has. */
function integer(value: unknown, key: string): number {
  const number = typeof value === 'object' && value !== null ? (value as Json).as_int : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
    throw fault(
      `${quoted(key)} has ${(JSON.stringify(value) ?? 'nothing').slice(0, 60)} where a whole number must stand`,
    );
  }
  return number;
}

function integers(value: unknown, key: string): number[] {
  if (!Array.isArray(value)) throw fault(`${quoted(key)} has no sizes or strides`);
  return value.map((item) => integer(item, key));
}

function readTensor(
  key: string,
  meta: Json,
  record: string,
  archive: Archive,
  graph: TensorGraph,
  storages: Map<string, Storage>,
): Value {
  const dtype = dtypeByName(DTYPES[meta.dtype as number] ?? '');
  if (!dtype) throw fault(`${quoted(key)} has the dtype ${String(meta.dtype).slice(0, 20)}`);
  if (meta.layout !== undefined && meta.layout !== STRIDED) {
    throw new UnreadableError(
      'unsupported',
      `torch.export archive: ${quoted(key)} is sparse (layout ${String(meta.layout).slice(0, 20)}), which is not supported; load it with torch.export.load`,
    );
  }
  const shape = integers(meta.sizes, key);
  const stride = integers(meta.strides, key);
  if (shape.length !== stride.length)
    throw fault(`${quoted(key)} has ${shape.length} sizes, but ${stride.length} strides`);
  const place = `${record} ${dtype.name}`;
  let storage = storages.get(place);
  if (!storage) {
    storage = storageOf(record, dtype, locationOf(meta.device), archive, graph);
    storages.set(place, storage);
  }
  const storageOffset = meta.storage_offset === undefined ? 0 : integer(meta.storage_offset, key);
  return graph.tensor(storage, { shape, stride, storageOffset });
}

function storageOf(
  record: string,
  dtype: Dtype,
  location: string,
  archive: Archive,
  graph: TensorGraph,
): Storage {
  const content = archive.content(record);
  if (!content) {
    graph.addDamage(
      new UnreadableError(
        'missing-record',
        `record ${record} is missing: its tensor is lost; get the file again`,
      ),
    );
  }
  const bytes = content ? content.length - (content.length % dtype.itemSize) : 0;
  return graph.storage({
    key: record.replace(/^data\//, ''),
    dtype,
    bytes,
    content,
    fileOffset: content && isRange(content) ? content.offset : null,
    location,
    crc32: archive.entry(record)?.crc32,
  });
}

/** `{"type": "cuda", "index": 0}` is `cuda:0`. */
function locationOf(device: unknown): string {
  const { type, index } = (device ?? {}) as Json;
  if (typeof type !== 'string') return 'cpu';
  return typeof index === 'number' ? `${type}:${index}` : type;
}

function openFirst(archive: Archive, records: readonly string[], parts: Part[]): Promise<Value | undefined> {
  return openStream(archive, records.find((record) => archive.has(record)) ?? '', parts);
}

/** A torch.save stream that is a record of the archive; undefined where there is no such record, or nothing in it. */
async function openStream(archive: Archive, record: string, parts: Part[]): Promise<Value | undefined> {
  const content = archive.content(record);
  if (!content || content.length === 0) return undefined;
  const source = isRange(content)
    ? new SubSource(content.source, content.offset, content.length)
    : new MemorySource(await readSegment(content, LARGEST_INFLATED));
  try {
    const inner = await Archive.open(source);
    const pickle = inner.content('data.pkl');
    if (!pickle) throw new UnreadableError('missing-record', 'it has no data.pkl');
    const checkpoint = await openTorchZip(inner, pickle, record);
    parts.push({ name: record, checkpoint });
    return checkpoint.root;
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw retold(error, `record ${record} of the torch.export archive: ${error.message}`, error.offset);
  }
}
