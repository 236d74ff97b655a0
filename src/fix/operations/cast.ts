import { compileNameGlobs, type NameMatcher } from '../../checkpoint/name-glob.ts';
import type { Storage } from '../../checkpoint/storage.ts';
import type { Tensor } from '../../checkpoint/tensor.ts';
import { RefusedError } from '../../io/errors.ts';
import type { ConvertedSegment } from '../../io/segment.ts';
import { CAST_TARGETS, type Cast, type CastTarget, castOf } from '../../numeric/casts.ts';
import { argumentsOf, callableName, PyGlobal, type PyNode, PyObject, PyTuple } from '../../pickle/values.ts';
import { type Dtype, dtypeByName } from '../../torch/dtypes.ts';
import { storageClassName } from '../../torch/storage-id.ts';
import { wholeContent } from '../convert-storage.ts';
import type { Draft } from '../draft.ts';
import type { Operation } from '../operation.ts';
import { type Placement, type Placements, placementsOf } from '../placements.ts';

export interface CastOptions {
  /** Globs over tensor names; all where none is given. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Finite values that are too large for the dtype may become infinite. */
  readonly allowOverflow?: boolean;
}

/** Values of one storage that became infinite while it was written. */
interface Tally {
  readonly name: string;
  overflow: number;
}

/** Tensors that a message names. */
const NAMED = 3;
const TENSOR_CLASS = /^torch\.(cuda\.)?[A-Z]\w*Tensor$/;
const WITH_DTYPE = 'torch._utils._rebuild_tensor_v3';
const META = 'torch._utils._rebuild_meta_tensor_no_storage';
const DEVICE_TENSOR = 'torch._utils._rebuild_device_tensor_from_cpu_tensor';

/**
 * Casts floating-point tensors, as `tensor.to(dtype)` would. Integers, bools, complex and quantized tensors stay what they are.
 * The bytes are cast on their way to the output, and what overflows is counted there.
 *
 * @throws RefusedError for a dtype that it can't cast to.
 */
export function cast(target: string, options: CastOptions = {}): Operation {
  const to = CAST_TARGETS.find((name) => name === target);
  if (!to) throw new RefusedError(`--dtype '${target}' is none of ${CAST_TARGETS.join(', ')}`);
  const name = `dtype ${to}`;
  return {
    name,
    async apply(draft) {
      const chosen = await chooseTensors(draft, to, options);
      const notes: string[] = [];
      const tallies = castStorages(draft, to, chosen.nodes);
      for (const node of chosen.nodes) nameDtype(node, to);
      draft.touch();
      const affected = chosen.tensors.length;
      if (affected === 0)
        notes.push(`no floating-point tensor ${chosen.any ? `is anything else than ${to}` : 'is meant'}`);
      if (chosen.wrapped > 0)
        notes.push(`${chosen.wrapped} tensors within wrappers (DTensor and the like) are left as they are`);
      if (chosen.arrays > 0)
        notes.push(
          `${chosen.arrays} tensors that are numpy arrays of the pickle are left as they are; --safe makes tensors of them first`,
        );
      if (tallies.length > 0) draft.checks.push(() => judgeOverflow(tallies, to, options, notes));
      return { name, affected, noun: 'tensors', notes };
    },
  };
}

interface Chosen {
  readonly tensors: readonly Tensor[];
  /** The tensors and the parts that their elements stand in. */
  readonly nodes: ReadonlySet<PyNode>;
  /** Tensors around others, and those that are numpy arrays of the pickle: neither is cast. */
  readonly wrapped: number;
  readonly arrays: number;
  /** Floating-point tensors are among those that the globs name. */
  readonly any: boolean;
}

async function chooseTensors(draft: Draft, to: CastTarget, options: CastOptions): Promise<Chosen> {
  const isMeant = await matcherOf(options);
  const tensors: Tensor[] = [];
  const nodes = new Set<PyNode>();
  const spared = new Map<PyNode, string>();
  let wrapped = 0;
  let arrays = 0;
  let any = false;
  for (const tensor of draft.checkpoint.tensors) {
    if (!isCastable(tensor.dtype) || tensor.kind === 'quantized') continue;
    if (!isMeant(tensor.name)) {
      spared.set(tensor.node, tensor.name);
      continue;
    }
    any = true;
    if (tensor.array) {
      arrays++;
      continue;
    }
    if (tensor.kind === 'subclass' && !tensor.storage) {
      wrapped++;
      continue;
    }
    if (tensor.dtype.name === to) continue;
    tensors.push(tensor);
    nodes.add(tensor.node);
    for (const part of tensor.parts) if (isCastable(part.dtype)) nodes.add(part.node);
  }
  const torn = tensors.find(({ node }) => spared.has(node));
  if (torn) throw oneButNotTheOther(torn.name, spared.get(torn.node) as string, 'is the same tensor');
  return { tensors, nodes, wrapped, arrays, any };
}

async function matcherOf({ include = [], exclude = [] }: CastOptions): Promise<NameMatcher> {
  const isIn = include.length > 0 ? await compileNameGlobs(include) : () => true;
  const isOut = exclude.length > 0 ? await compileNameGlobs(exclude) : () => false;
  return (name) => isIn(name) && !isOut(name);
}

/** Packed pairs of 4-bit floats have no cast in torch either. */
function isCastable({ family, name }: Dtype): boolean {
  return family === 'float' && name !== 'float4_e2m1fn_x2';
}

function castStorages(draft: Draft, to: CastTarget, nodes: ReadonlySet<PyNode>): Tally[] {
  const { byStorage, held }: Placements = placementsOf(draft.checkpoint);
  const replaced = new Map<Storage, Storage>();
  const tallies: Tally[] = [];
  for (const [storage, placements] of byStorage) {
    const meant = placements.filter(({ tensor }) => nodes.has(tensor.node));
    const [first] = meant;
    if (!first) continue;
    const dtype = first.tensor.dtype;
    const other = placements.find(({ tensor }) => !nodes.has(tensor.node) || tensor.dtype !== dtype);
    if (other) throw oneButNotTheOther(first.tensor.name, other.tensor.name, 'shares its storage');
    const tally = { name: first.tensor.name, overflow: 0 };
    const made = castStorage(storage, dtype, to, tally);
    if (!made) continue;
    tallies.push(tally);
    if (held.has(storage)) moveTo(draft, meant, storage, { ...made, key: `${storage.key}.cast` });
    else replaced.set(storage, made);
    for (const placement of meant) dropDtype(placement, to);
  }
  draft.replaceStorages(replaced);
  return tallies;
}

function oneButNotTheOther(one: string, other: string, relation: string): RefusedError {
  return new RefusedError(
    `--dtype: tensor ${one} is to be cast, but ${other}, which ${relation}, is not; name both or none, or give each its own storage with --untie`,
  );
}

/** A storage that is also saved by itself stays; the tensors on it move to a copy. */
function moveTo(draft: Draft, placements: readonly Placement[], from: Storage, to: Storage): void {
  const node = draft.addStorage(to);
  draft.setLocation(to, draft.locationOf(from));
  for (const { call } of placements) call.items[0] = node;
}

function castStorage(storage: Storage, from: Dtype, to: CastTarget, tally: Tally): Storage | undefined {
  const content = wholeContent(storage);
  const run = castOf(from, to);
  const target = dtypeByName(to);
  if (!content || !run || !target) return undefined;
  const numel = Math.floor(storage.bytes / from.itemSize);
  const bytes = numel * target.itemSize;
  const counting = countingCast(run, tally);
  const converted: ConvertedSegment = {
    from: content,
    unitBefore: from.itemSize,
    unitAfter: target.itemSize,
    length: bytes,
    convert: counting,
  };
  return {
    ...storage,
    storageClass: new PyGlobal('torch', storageClassName(target) as string),
    dtype: target,
    numel,
    bytes,
    content: converted,
    fileOffset: null,
    crc32: undefined,
  };
}

function countingCast(run: Cast, tally: Tally): ConvertedSegment['convert'] {
  return (before, after) => {
    tally.overflow += run(before, after);
  };
}

/** A storage that has a dtype needs no rebuild function that names one; torch before 2.1 doesn't even know that function. */
function dropDtype({ call }: Placement, to: CastTarget): void {
  if (call.name === WITH_DTYPE) {
    call.rename(new PyGlobal('torch._utils', '_rebuild_tensor_v2'));
    call.items.splice(6, 1);
  } else if (TENSOR_CLASS.test(call.name)) call.rename(new PyGlobal('torch', tensorClassName(to)));
}

/** `HalfTensor` as `HalfStorage`. */
function tensorClassName(to: CastTarget): string {
  return (storageClassName(dtypeByName(to) as Dtype) as string).replace('Storage', 'Tensor');
}

/** Tensors that say their dtype themselves: those without data, and those of devices without storages. */
function nameDtype(node: PyNode, to: CastTarget): void {
  if (!(node instanceof PyObject)) return;
  const name = callableName(node);
  const at = name === META ? 0 : name === DEVICE_TENSOR ? 1 : undefined;
  if (at === undefined) return;
  node.args = new PyTuple(
    argumentsOf(node).map((arg, index) => (index === at ? new PyGlobal('torch', to) : arg)),
  );
}

function judgeOverflow(
  tallies: readonly Tally[],
  to: CastTarget,
  { allowOverflow = false }: CastOptions,
  notes: string[],
): void {
  const over = tallies.filter(({ overflow }) => overflow > 0);
  if (over.length === 0) return;
  const sum = over.reduce((total, { overflow }) => total + overflow, 0);
  const named = over.slice(0, NAMED).map(({ name, overflow }) => `${name} (${overflow})`);
  const more = over.length > NAMED ? ` and ${over.length - NAMED} more` : '';
  const where = `in ${over.length} ${over.length === 1 ? 'tensor' : 'tensors'}: ${named.join(', ')}${more}`;
  if (allowOverflow) notes.push(`${sum} values became infinite, ${where}`);
  else
    throw new RefusedError(
      `--dtype ${to}: ${sum} finite values would become infinite ${where}; leave them out with --dtype-exclude, take bfloat16, or accept it with --allow-overflow`,
    );
}
