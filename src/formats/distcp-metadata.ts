import { UnreadableError } from '../io/errors.ts';
import {
  argumentsOf,
  callableName,
  entriesOf,
  lookup,
  PyDict,
  PyGlobal,
  PyList,
  PyObject,
  PyTuple,
  stateOf,
  type Value,
} from '../pickle/values.ts';
import { type Dtype, dtypeByName } from '../torch/dtypes.ts';

/** Where a part of the checkpoint stands: a range of a file of the folder, which holds a complete torch.save archive. */
export interface StoredPart {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  /** Names of what the bytes went through when they were written (compression); none as a rule. */
  readonly transforms: readonly string[];
}

export interface StoredChunk {
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
  /** Undefined where `storage_data` has no place for it. */
  readonly part: StoredPart | undefined;
}

/** A tensor of the checkpoint, or the pickle of another value. */
export type DistcpItem = { readonly fqn: string; readonly path: readonly (string | number)[] } & (
  | {
      readonly kind: 'tensor';
      readonly dtype: Dtype;
      readonly shape: readonly number[];
      readonly requiresGrad: boolean;
      readonly chunks: readonly StoredChunk[];
    }
  | { readonly kind: 'bytes'; readonly part: StoredPart | undefined }
);

/**
 * Reads the object that `.metadata` of a torch.distributed.checkpoint folder pickles, as torch 2.0 to 2.13 write it: which tensors
 * and other values there are, how each is cut into chunks, and which range of which file holds each chunk.
 *
 * @throws UnreadableError `bad-pickle` where it is none.
 */
export function readDistcpMetadata(root: Value): DistcpItem[] {
  const state = attributes(root);
  const items = state && lookup(state, 'state_dict_metadata');
  const entries = items === undefined ? undefined : entriesOf(items);
  if (!state || !entries) throw fault('it does not describe a state_dict');
  const places = storedParts(lookup(state, 'storage_data'));
  const paths = lookup(state, 'planner_data');
  return entries.keys.map((key, index): DistcpItem => {
    if (typeof key !== 'string') throw fault('a name that is no string');
    const value = entries.values[index] as Value;
    const path = pathOf(paths === undefined ? undefined : lookup(paths, key)) ?? [key];
    const fields = attributes(value);
    const size = fields && counts(lookup(fields, 'size'));
    if (!fields || size === undefined)
      return { kind: 'bytes', fqn: key, path, part: places.get(placeKey(key, [])) };
    return {
      kind: 'tensor',
      fqn: key,
      path,
      shape: size,
      ...properties(key, fields),
      chunks: chunksOf(key, fields, size, places),
    };
  });
}

function fault(what: string): UnreadableError {
  return new UnreadableError(
    'bad-pickle',
    `.metadata is damaged, or none of torch.distributed.checkpoint: ${what}`,
  );
}

/** What an object of a dataclass was given as state. */
function attributes(value: Value | undefined): PyDict | undefined {
  const state = value instanceof PyObject ? stateOf(value) : undefined;
  return state instanceof PyDict ? state : undefined;
}

/** A torch.Size, or a plain tuple or list of whole numbers. */
function counts(value: Value | undefined): number[] | undefined {
  let items: readonly Value[] | undefined;
  if (value instanceof PyTuple || value instanceof PyList) items = value.items;
  else if (value instanceof PyObject && callableName(value) === 'torch.Size') {
    const [argument] = argumentsOf(value);
    return argument === undefined ? [] : counts(argument);
  }
  if (!items?.every((item) => typeof item === 'number' && item >= 0)) return undefined;
  return items as number[];
}

function pathOf(value: Value | undefined): (string | number)[] | undefined {
  if (!(value instanceof PyTuple) || value.items.length === 0) return undefined;
  return value.items.every((item) => typeof item === 'string' || typeof item === 'number')
    ? (value.items as (string | number)[])
    : undefined;
}

/** `properties` has the state tuple (dtype, layout, requires_grad, memory format, pin_memory). */
function properties(fqn: string, fields: PyDict): { dtype: Dtype; requiresGrad: boolean } {
  const value = lookup(fields, 'properties');
  const state = value instanceof PyObject ? stateOf(value) : undefined;
  const items = state instanceof PyTuple ? state.items : [];
  const global = state instanceof PyDict ? lookup(state, 'dtype') : items[0];
  const dtype =
    global instanceof PyGlobal && global.module === 'torch' ? dtypeByName(global.name) : undefined;
  if (!dtype) throw fault(`tensor ${quoted(fqn)} has no dtype`);
  return { dtype, requiresGrad: items[2] === true };
}

function chunksOf(
  fqn: string,
  fields: PyDict,
  size: readonly number[],
  places: ReadonlyMap<string, StoredPart>,
): StoredChunk[] {
  const list = lookup(fields, 'chunks');
  if (!(list instanceof PyList || list instanceof PyTuple))
    throw fault(`tensor ${quoted(fqn)} has no chunks`);
  return list.items.map((item) => {
    const chunk = attributes(item);
    const offsets = chunk && counts(lookup(chunk, 'offsets'));
    const sizes = chunk && counts(lookup(chunk, 'sizes'));
    if (!offsets || !sizes) throw fault(`tensor ${quoted(fqn)} has a chunk without place or size`);
    const fits =
      offsets.length === size.length &&
      sizes.length === size.length &&
      size.every((whole, dim) => (offsets[dim] as number) + (sizes[dim] as number) <= whole);
    if (!fits) throw fault(`tensor ${quoted(fqn)} of [${size}] has a chunk [${sizes}] at [${offsets}]`);
    return { offsets, sizes, part: places.get(placeKey(fqn, offsets)) };
  });
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name);
}

/** Values that are no tensors have no offsets; a tensor without dimensions has none either, and never the same name. */
function placeKey(fqn: string, offsets: readonly number[]): string {
  return `${offsets.join(',')}:${fqn}`;
}

/** `{MetadataIndex(fqn, offset, index): _StorageInfo(relative_path, offset, length)}`. */
function storedParts(value: Value | undefined): Map<string, StoredPart> {
  const parts = new Map<string, StoredPart>();
  const entries = value === undefined ? undefined : entriesOf(value);
  for (const [index, key] of (entries?.keys ?? []).entries()) {
    const place = attributes(key);
    const info = attributes(entries?.values[index]);
    const fqn = place && lookup(place, 'fqn');
    const file = info && lookup(info, 'relative_path');
    const offset = info && lookup(info, 'offset');
    const length = info && lookup(info, 'length');
    if (typeof fqn !== 'string' || typeof file !== 'string') continue;
    if (typeof offset !== 'number' || typeof length !== 'number' || offset < 0 || length < 0) continue;
    const transforms = info && lookup(info, 'transform_descriptors');
    const names =
      transforms instanceof PyList || transforms instanceof PyTuple ? transforms.items.map(String) : [];
    const at = counts((place && lookup(place, 'offset')) ?? undefined) ?? [];
    parts.set(placeKey(fqn, at), { file, offset, length, transforms: names });
  }
  return parts;
}
