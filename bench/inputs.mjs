// Makes the checkpoints that the bench measures with, by the project's own writer. They stay in bench/data for the next run.
import { existsSync, mkdirSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodePickle } from '../dist/pickle/encoder.js';
import {
  EMPTY_TUPLE,
  PyDict,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PyTuple,
} from '../dist/pickle/values.js';
import { layoutArchive } from '../dist/zip/layout.js';
import { writeArchive } from '../dist/zip/writer.js';

/** Head of a legacy stream, and the version of its form (torch/serialization.py). */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;

export const DATA = join(fileURLToPath(new URL('.', import.meta.url)), 'data');

const orderedDict = new PyGlobal('collections', 'OrderedDict');
const rebuild = new PyGlobal('torch._utils', '_rebuild_tensor_v2');
const floatStorage = new PyGlobal('torch', 'FloatStorage');
const halfStorage = new PyGlobal('torch', 'HalfStorage');

/**
 * A state_dict of `tensors` float32 matrices of `rows` × `columns`, saved from DataParallel on cuda:0; `first` is its first storage.
 * The ids of storages in the legacy form have a sixth item, the view that the storage is of another.
 */
function stateDict(tensors, rows, columns, { legacy = false, first = 0, halves = false } = {}) {
  const keys = [];
  const values = [];
  for (let i = 0; i < tensors; i++) {
    keys.push(`module.layers.${Math.floor(i / 10)}.block.${i % 10}.weight`);
    const id = [
      'storage',
      halves ? halfStorage : floatStorage,
      String(first + i),
      'cuda:0',
      rows * columns,
      ...(legacy ? [null] : []),
    ];
    const args = [
      new PyPersistent(new PyTuple(id)),
      0,
      new PyTuple([rows, columns]),
      new PyTuple([columns, 1]),
      false,
      new PyObject('reduce', orderedDict, EMPTY_TUPLE),
    ];
    values.push(new PyObject('reduce', rebuild, new PyTuple(args)));
  }
  const root = new PyObject('reduce', orderedDict, EMPTY_TUPLE);
  root.effects = [{ op: 'set', keys, values }];
  return root;
}

/** A training checkpoint: a third are weights, the rest is what Adam keeps of them. */
function training(tensors, rows, columns) {
  const count = tensors / 3;
  const slots = ['exp_avg', 'exp_avg_sq'].map((_, slot) =>
    stateDict(count, rows, columns, { first: (slot + 1) * count }),
  );
  const [averages, squares] = slots.map(({ effects }) => effects[0].values);
  const state = new PyDict(
    averages.map((_, index) => index),
    averages.map((average, index) => new PyDict(['exp_avg', 'exp_avg_sq'], [average, squares[index]])),
  );
  const groups = new PyList([new PyDict(['params'], [new PyList(averages.map((_, index) => index))])]);
  const optimizer = new PyDict(['state', 'param_groups'], [state, groups]);
  return new PyDict(['state_dict', 'optimizer', 'epoch'], [stateDict(count, rows, columns), optimizer, 3]);
}

/** The float16 nearest to a number of ordinary size. */
function half(value) {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer);
  const size = bits & 0x7fffffff;
  if (size < 0x38800000) return ((bits >>> 16) & 0x8000) | Math.round(Math.abs(value) * 2 ** 24);
  return ((bits >>> 16) & 0x8000) | ((size - 0x38000000 + 0x1000) >>> 13);
}

/** Weights as training leaves them: normally distributed around 0, in float16 or float32. */
function weights(bytes, halves) {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const weight = () => 0.02 * Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const values = halves
    ? Uint16Array.from({ length: bytes / 2 }, () => half(weight()))
    : Float32Array.from({ length: bytes / 4 }, weight);
  return Buffer.from(values.buffer);
}

/** Pseudo-random bytes (or zeros, or weights) without holding them; `marked` sets the last of them. */
function source(size, { random = true, trained = false, halves = false, marked = false }) {
  const tile = trained ? weights(4 * 2 ** 20, halves) : Buffer.alloc(4 * 2 ** 20);
  if (random && !trained)
    for (let i = 0, x = 1; i < tile.length; i += 4) {
      x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
      tile.writeUInt32LE(x, i);
    }
  return {
    size,
    async read(offset, length) {
      const out = Buffer.alloc(length);
      if (random) for (let at = 0; at < length; ) at += tile.copy(out, at, (offset + at) % tile.length);
      if (marked && offset + length === size) out[length - 1] = 0x3f;
      return out;
    },
  };
}

/** Writes a file once; `sparse` leaves windows of zeros as holes. */
async function make(name, options) {
  const { tensors, rows, columns, sparse = false, halves = false, root = stateDict } = options;
  const path = join(DATA, name);
  if (existsSync(path)) return path;
  mkdirSync(DATA, { recursive: true });
  const pickle = encodePickle(root(tensors, rows, columns, halves ? { halves } : undefined));
  const text = (record, content) => ({ name: record, content: [Buffer.from(content)], size: content.length });
  const bytes = rows * columns * (halves ? 2 : 4);
  const data = source(bytes * tensors, options);
  const layout = layoutArchive('model', [
    { name: 'data.pkl', content: pickle.content, size: pickle.length },
    text('.format_version', '1'),
    text('.storage_alignment', '64'),
    text('byteorder', 'little'),
    ...Array.from({ length: tensors }, (_, i) => ({
      name: `data/${i}`,
      content: [{ source: data, offset: i * bytes, length: bytes }],
      size: bytes,
    })),
    text('version', '3\n'),
  ]);
  const file = await open(`${path}.part`, 'w');
  const zeros = Buffer.alloc(4 * 2 ** 20);
  await writeArchive(layout, {
    async write(offset, chunk) {
      if (sparse && chunk.length <= zeros.length && zeros.subarray(0, chunk.length).equals(chunk)) return;
      await file.write(chunk, 0, chunk.length, offset);
    },
  });
  await file.truncate(layout.size);
  await file.close();
  await rename(`${path}.part`, path);
  return path;
}

/** What `torch.save(…, _use_new_zipfile_serialization=False)` would write: five pickles, then the storages one behind the other. */
async function makeLegacy(name, { tensors, rows, columns }) {
  const path = join(DATA, name);
  if (existsSync(path)) return path;
  mkdirSync(DATA, { recursive: true });
  const sizes = new PyDict(['short', 'int', 'long'], [2, 4, 4]);
  const machine = new PyDict(
    ['protocol_version', 'little_endian', 'type_sizes'],
    [PROTOCOL_VERSION, true, sizes],
  );
  const keys = new PyList(Array.from({ length: tensors }, (_, i) => String(i)));
  const file = await open(`${path}.part`, 'w');
  for (const value of [
    MAGIC,
    PROTOCOL_VERSION,
    machine,
    stateDict(tensors, rows, columns, { legacy: true }),
    keys,
  ])
    for (const chunk of encodePickle(value).content) await file.write(chunk);
  const blocks = Buffer.alloc(tensors * (8 + rows * columns * 4));
  for (let at = 0; at < blocks.length; at += 8 + rows * columns * 4)
    blocks.writeBigInt64LE(BigInt(rows * columns), at);
  await file.write(blocks);
  await file.close();
  await rename(`${path}.part`, path);
  return path;
}

/** A safetensors file of float32 matrices, as the library itself would write it. */
async function makeSafetensors(name, { tensors, rows, columns }) {
  const path = join(DATA, name);
  if (existsSync(path)) return path;
  mkdirSync(DATA, { recursive: true });
  const bytes = rows * columns * 4;
  const header = {};
  for (let i = 0; i < tensors; i++) {
    header[`model.layers.${Math.floor(i / 10)}.block.${i % 10}.weight`] = {
      dtype: 'F32',
      shape: [rows, columns],
      data_offsets: [i * bytes, (i + 1) * bytes],
    };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Math.ceil((8 + text.length) / 8) * 8 - 8;
  const lead = Buffer.alloc(8 + length, ' ');
  lead.writeBigUInt64LE(BigInt(length));
  text.copy(lead, 8);
  const file = await open(`${path}.part`, 'w');
  await file.write(lead);
  await file.truncate(lead.length + tensors * bytes);
  await file.close();
  await rename(`${path}.part`, path);
  return path;
}

const MIB = 2 ** 20;
export const inputs = {
  /** 20 MB, 120 tensors. */
  small: () => make('small.pth', { tensors: 120, rows: 209, columns: 209 }),
  /** 2 GB, 120 tensors. */
  large: () => make('large.pth', { tensors: 120, rows: 1024, columns: (17 * MIB) / 4096 }),
  /** 2 GB of float16, 120 tensors. */
  halves: () =>
    make('halves.pth', { tensors: 120, rows: 1024, columns: (17 * MIB) / 2048, trained: true, halves: true }),
  /** 4 GB of float32, 120 tensors, none of which overflows in float16. */
  floats: () => make('floats.pth', { tensors: 120, rows: 2048, columns: (17 * MIB) / 4096, trained: true }),
  /** 20 GB, 120 tensors, all zeros in a sparse file. */
  huge: () =>
    make('huge.pth', { tensors: 120, rows: 1024, columns: (170 * MIB) / 4096, random: false, sparse: true }),
  /** Twice 10 GB in sparse files, 120 tensors: the same but for the last number of the last tensor. */
  twins: async () => {
    const zeros = { tensors: 120, rows: 1024, columns: (85 * MIB) / 4096, random: false, sparse: true };
    return [await make('twin-a.pth', zeros), await make('twin-b.pth', { ...zeros, marked: true })];
  },
  /** 2 GB, of which two thirds are an optimizer's, and the weights of it alone. */
  training: () =>
    make('training.pth', { tensors: 120, rows: 1024, columns: (17 * MIB) / 4096, root: training }),
  weights: () => make('weights.pth', { tensors: 40, rows: 1024, columns: (17 * MIB) / 4096 }),
  /** 100 000 tensors of 24 bytes. */
  many: () => make('many.pth', { tensors: 100_000, rows: 2, columns: 3 }),
  /** 100 000 tensors of 24 bytes, in the form before 1.6. */
  legacy: () => makeLegacy('many-legacy.pth', { tensors: 100_000, rows: 2, columns: 3 }),
  /** 50 000 tensors of 24 bytes. */
  safetensors: () => makeSafetensors('many.safetensors', { tensors: 50_000, rows: 2, columns: 3 }),
};
