import { checkDeadline } from '../io/deadline.ts';
import { UnreadableError } from '../io/errors.ts';
import { LONGEST_HASHED } from '../io/long-keys.ts';
import { NodeTable } from '../pickle/node-table.ts';
import { TensorCall } from '../pickle/tensor-call.ts';
import { isNode, type PyNode, PyPersistent, type Value } from '../pickle/values.ts';
import { bytesOfElements } from '../torch/dtypes.ts';
import { tensorForm } from '../torch/rebuild.ts';
import type { TensorForm } from '../torch/tensor-form.ts';
import { type Held, heldBy, segmentOf } from './children.ts';
import { type Path, pathName } from './path.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';
import { keepTensorIndex } from './tensor-index.ts';

/**
 * A tensor is listed at every path where it stands, so a few containers that hold each other many times over could make a list
 * without end. What stands in the file once costs nothing; no model has this many further places.
 */
const MAX_PLACES = 2_000_000;

/** Values of a container that are looked through at the price of a place: it may stand at many places and hold little but numbers. */
const VALUES_A_PLACE = 16;

/**
 * Bytes that the tensors of a listing may take, with their paths. A path is as long as its names are and as deep as it is, so that a
 * long name, or lists in lists, above many tensors of a few bytes each would make gigabytes of kilobytes.
 */
const MAX_BYTES = 128 * 2 ** 20;

/** What a tensor takes but for its path, about. */
const TENSOR_BYTES = 512;

/** What each tensor that stands in the file adds to what may be taken: room for a path, and for the tensor at a second place. */
const BYTES_EARNED = 1024;

/** What a character of a name costs that is too long to be hashed: names of one length are compared with each other. */
const LONG_NAME = 16;

/** Places between two looks at the clock. */
const PLACES_A_LOOK = 65_536;

/** What tensors are built from. */
interface Making {
  readonly storageOf: ReadonlyMap<PyPersistent, Storage>;
  /** Parts of the tensors that have any: wherever such a tensor stands again, they are those of its first place. */
  readonly parts: Map<PyNode, readonly Tensor[]>;
}

export interface Listing {
  readonly tensors: readonly Tensor[];
  /** What the budget left out, in words. */
  readonly omissions: readonly string[];
}

/** A container that is being gone through. */
interface Frame {
  readonly node: PyNode;
  readonly held: readonly Held[];
  /** Which of the lists, and where in it. */
  list: number;
  next: number;
  /** Number of tensors listed when the container was entered. */
  readonly before: number;
}

/**
 * Lists the tensors under `root` at every path where they stand, in the order of the stream. A container that is its own ancestor
 * is not entered again.
 *
 * @throws UnreadableError `bad-pickle` for a tensor that torch could not build; the message names its path.
 */
export function listTensors(root: Value, storageOf: ReadonlyMap<PyPersistent, Storage>): Listing {
  const tensors: Tensor[] = [];
  /** The tensors at their first places. */
  const listed = new NodeTable<PyNode, Tensor>(storageOf.size);
  const entered = new Set<PyNode>();
  const open = new Set<PyNode>();
  /** Containers that hold no tensor, so that a place where they stand again costs nothing. */
  const barren = new Set<PyNode>();
  const path: (string | number)[] = [];
  const frames: Frame[] = [];
  const making: Making = { storageOf, parts: new Map() };
  let places = 0;
  let bytes = 0;

  const holdsNothing = (value: PyNode): boolean =>
    value.kind === 'persistent' ||
    value.kind === 'float' ||
    value.kind === 'global' ||
    barren.has(value) ||
    open.has(value);

  const list = (tensor: Tensor): void => {
    const { name, path: at } = tensor;
    bytes += TENSOR_BYTES + name.length * (name.length > LONGEST_HASHED ? LONG_NAME : 1) + 8 * at.length;
    tensors.push(tensor);
  };

  const visit = (value: Value): void => {
    if (!isNode(value) || (!(value instanceof TensorCall) && holdsNothing(value))) return;
    const known = listed.get(value);
    if (known) {
      places++;
      list({ ...known, path: path.slice(), name: pathName(path) });
      return;
    }
    const form = formAt(value, path);
    if (form) {
      const tensor = tensorAt(path.slice(), value, form, making);
      listed.set(value, tensor);
      list(tensor);
    } else enter(value);
  };

  const enter = (value: PyNode): void => {
    const again = entered.has(value);
    if (again) places++;
    entered.add(value);
    const held = heldBy(value);
    if (again) {
      const count = held.reduce((sum, { values }) => sum + values.length, 0);
      places += Math.floor(count / VALUES_A_PLACE);
    }
    open.add(value);
    frames.push({ node: value, held, list: 0, next: 0, before: tensors.length });
  };

  visit(root);
  let asked = 0;
  while (frames.length > 0 && places < MAX_PLACES && bytes <= MAX_BYTES + BYTES_EARNED * listed.size) {
    if (places - asked > PLACES_A_LOOK) {
      asked = places;
      checkDeadline();
    }
    const frame = frames.at(-1) as Frame;
    const depth = frames.length - 1;
    const held = frame.held[frame.list];
    if (held && frame.next < held.values.length) {
      const child = held.values[frame.next] as Value;
      if (isNode(child)) {
        path[depth] = segmentOf(held, frame.next);
        if (path.length > depth + 1) path.length = depth + 1;
        visit(child);
      }
      frame.next++;
    } else if (held) {
      frame.list++;
      frame.next = 0;
    } else {
      frames.pop();
      open.delete(frame.node);
      if (tensors.length === frame.before) barren.add(frame.node);
    }
  }
  keepTensorIndex(tensors, listed);
  return { tensors, omissions: frames.length > 0 ? [omission(places)] : [] };
}

function omission(places: number): string {
  return places < MAX_PLACES
    ? `tensors and the paths to them take more than ${MAX_BYTES / 2 ** 20} MiB, because the same few values stand at so many places, or so deep, or under so long a name; the rest is not listed`
    : `values stand at more than ${MAX_PLACES} places, because containers hold each other over and over; the rest is not listed`;
}

function formAt(node: PyNode, path: Path): TensorForm | undefined {
  try {
    return tensorForm(node);
  } catch (error) {
    if (!(error instanceof UnreadableError) || path.length === 0) throw error;
    throw new UnreadableError(error.code, `${error.message} (at ${pathName(path)})`, error.offset);
  }
}

function tensorAt(path: Path, node: PyNode, form: TensorForm, making: Making): Tensor {
  const parts = form.parts.length === 0 ? NO_PARTS : partsAt(path, node, form, making);
  const { shape } = form;
  let elements = 1;
  for (let dim = 0; dim < shape.length; dim++) elements *= shape[dim] as number;
  // a quantizer's scales come on top of the elements; sparse, nested and wrapping tensors are nothing but their parts
  const own = form.storage !== undefined || form.array || form.kind === 'meta';
  const bytes = own
    ? form.kind === 'meta'
      ? 0
      : bytesOfElements(form.dtype, elements)
    : parts.reduce((sum, part) => sum + part.bytes, 0);
  const tensor: Tensor = {
    path,
    name: pathName(path),
    kind: form.kind,
    dtype: form.dtype,
    shape,
    stride: form.stride,
    storageOffset: form.storageOffset,
    elements,
    bytes,
    storage: form.storage instanceof PyPersistent ? making.storageOf.get(form.storage) : undefined,
    requiresGrad: form.requiresGrad,
    conj: form.conj,
    neg: form.neg,
    parts,
    node,
  };
  const { device, array } = form;
  // hardly any has one of them, and room for both in each of a hundred thousand would show
  return device === undefined && array === undefined ? tensor : { ...tensor, device, array };
}

const NO_PARTS: readonly Tensor[] = [];

function partsAt(path: Path, node: PyNode, form: TensorForm, making: Making): readonly Tensor[] {
  const known = making.parts.get(node);
  if (known) return known;
  const parts = form.parts.flatMap((part, index) => {
    const inner = isNode(part) ? tensorForm(part) : undefined;
    return inner ? [tensorAt([...path, `<part ${index}>`], part as PyNode, inner, making)] : [];
  });
  making.parts.set(node, parts);
  return parts;
}
