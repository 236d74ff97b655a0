import type { Storage } from '../checkpoint/storage.ts';
import { UnreadableError } from '../io/errors.ts';
import { readSegment } from '../io/segment.ts';
import { decodePickle } from '../pickle/decoder.ts';
import { argumentsOf, callableName, PyDict, PyObject, PyTuple, type Value } from '../pickle/values.ts';
import { dtypeByName } from '../torch/dtypes.ts';
import type { Archive } from './archive.ts';
import type { StorageTable } from './storage-table.ts';
import { TensorGraph } from './tensor-graph.ts';
import { pickleSource } from './torch-zip.ts';
import { storedTensor } from './torchscript.ts';

/** The description of a model with a million tensors takes less. */
const LONGEST_MODEL = 256 * 2 ** 20;
/** The reader recurses on modules in modules. */
const DEEPEST_MODULE = 200;

/** Names of the protobuf enum `caffe2.TensorProto.DataType`, in which torch 1.0 to 1.3 wrote dtypes. */
const DTYPES: Readonly<Record<string, string>> = {
  FLOAT: 'float32',
  INT32: 'int32',
  BYTE: 'uint8',
  BOOL: 'bool',
  UINT8: 'uint8',
  INT8: 'int8',
  UINT16: 'uint16',
  INT16: 'int16',
  INT64: 'int64',
  FLOAT16: 'float16',
  DOUBLE: 'float64',
  BFLOAT16: 'bfloat16',
};

interface Description {
  readonly root: Value;
  readonly table: StorageTable;
  /** The torch that wrote it, as it names itself. */
  readonly producer: string | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the modules of a TorchScript archive of torch 1.0 to 1.3: `model.json` is the JSON form of a protobuf message (64-bit
 * numbers are strings, what is zero or empty is left out), with modules as a tree and their tensors in one list.
 *
 * @throws UnreadableError where it is damaged.
 */
export async function readTorchScriptJson(archive: Archive): Promise<Description> {
  const content = archive.content('model.json');
  if (!content)
    throw new UnreadableError(
      'missing-record',
      'TorchScript archive has neither data.pkl nor model.json; get the file again',
    );
  const model = parse(Buffer.from(await readSegment(content, LONGEST_MODEL)).toString('utf8'));
  const graph = new TensorGraph();
  const tensors = readTensors(list(model.tensors), archive, graph);
  const attributes = await readAttributes(archive, tensors);
  const root = readModule(object(model.mainModule), tensors, attributes, 0);
  const version = model.producerVersion;
  return {
    root,
    table: graph.table(),
    producer: typeof version === 'string' ? version.slice(0, 20) : undefined,
  };
}

function fault(what: string): UnreadableError {
  return new UnreadableError(
    'bad-archive',
    `model.json of the TorchScript archive: ${what}; get the file again`,
  );
}

function parse(text: string): Json {
  try {
    return object(JSON.parse(text));
  } catch (error) {
    if (error instanceof UnreadableError) throw error;
    throw fault(`no JSON (${(error as Error).message.replace(/\s+/g, ' ').slice(0, 100)})`);
  }
}

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw fault('an object is missing');
  return value as Json;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A number, or a string of digits; 0 where it is left out. */
function count(value: unknown): number {
  const number = value === undefined ? 0 : Number(value);
  if (!Number.isSafeInteger(number) || number < 0)
    throw fault(`${String(value).slice(0, 40)} where a whole number must stand`);
  return number;
}

function readTensors(described: readonly unknown[], archive: Archive, graph: TensorGraph): Value[] {
  const storages = new Map<string, Storage>();
  return described.map((each, index) => {
    const tensor = object(each);
    const dtype = dtypeByName(DTYPES[String(tensor.dataType ?? 'FLOAT')] ?? '');
    if (!dtype) throw fault(`tensor ${index} has the dtype ${String(tensor.dataType).slice(0, 40)}`);
    const record = String(object(tensor.data ?? {}).key ?? '');
    let storage = storages.get(record);
    if (!storage) {
      const key = record.replace(/^tensors\//, '');
      const needed = archive.entry(record)?.size ?? 0;
      const found = storedTensor(
        archive,
        [record.slice(0, Math.max(0, record.length - key.length - 1))],
        key,
        needed,
      );
      if (found.damage) graph.addDamage(found.damage);
      const { content } = found;
      storage = graph.storage({
        key,
        dtype,
        bytes: content ? content.length - (content.length % dtype.itemSize) : 0,
        content,
        fileOffset: content && 'source' in content ? content.offset : null,
        location: typeof tensor.device === 'string' ? tensor.device : 'cpu',
        crc32: found.crc32,
      });
      storages.set(record, storage);
    }
    return graph.tensor(storage, {
      shape: list(tensor.dims).map(count),
      stride: list(tensor.strides).map(count),
      storageOffset: count(tensor.offset),
      requiresGrad: tensor.requiresGrad === true,
    });
  });
}

/** `attributes.pkl` is a tuple; what the modules hold beside parameters points into it. */
async function readAttributes(archive: Archive, tensors: readonly Value[]): Promise<readonly Value[]> {
  const content = archive.content('attributes.pkl');
  if (!content || content.length === 0) return [];
  const { value } = await decodePickle(await pickleSource(content));
  if (!(value instanceof PyTuple)) return [];
  return value.items.map((item) => tensorById(item, tensors) ?? item);
}

/** A tensor among the attributes is a call with its number: `TensorID` in torch 1.1, `build_tensor_from_id` in 1.2. */
function tensorById(value: Value, tensors: readonly Value[]): Value | undefined {
  if (!(value instanceof PyObject) || !/(TensorID|build_tensor_from_id)$/.test(callableName(value) ?? ''))
    return undefined;
  const [id] = argumentsOf(value);
  return typeof id === 'number' ? tensors[id] : undefined;
}

function readModule(
  module: Json,
  tensors: readonly Value[],
  attributes: readonly Value[],
  depth: number,
): PyDict {
  if (depth > DEEPEST_MODULE) throw fault(`modules stand in each other more than ${DEEPEST_MODULE} deep`);
  const dict = new PyDict();
  const add = (name: unknown, value: Value | undefined) => {
    if (value === undefined) throw fault(`${String(name).slice(0, 80)} points to nothing`);
    dict.keys.push(String(name ?? ''));
    dict.values.push(value);
  };
  for (const each of list(module.parameters)) {
    const parameter = object(each);
    add(parameter.name, tensors[count(parameter.tensorId)]);
  }
  for (const each of list(module.attributes)) {
    const attribute = object(each);
    add(attribute.name, attributes[count(attribute.id)] ?? null);
  }
  for (const each of list(module.submodules)) {
    const child = object(each);
    add(child.name, readModule(child, tensors, attributes, depth + 1));
  }
  return dict;
}
