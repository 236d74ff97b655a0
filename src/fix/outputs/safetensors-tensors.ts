import type { Storage } from '../../checkpoint/storage.ts';
import type { Tensor } from '../../checkpoint/tensor.ts';
import { coverageBudget, coveredElements, isContiguous } from '../../checkpoint/view-coverage.ts';
import { counted, listed } from '../../diagnose/wording.ts';
import { SAFETENSORS_DTYPES } from '../../formats/safetensors-header.ts';
import { RefusedError } from '../../io/errors.ts';
import type { Dtype } from '../../torch/dtypes.ts';

/** What the format calls torch's dtypes. */
const NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(SAFETENSORS_DTYPES).map(([name, dtype]) => [dtype, name]),
);
const RANKS: ReadonlyMap<string, number> = new Map([...NAMES.keys()].map((dtype, rank) => [dtype, rank]));

/** A tensor whose elements stand apart is put together in memory, and a typed array of Node 20 holds this much. */
const LARGEST_GATHERED = 2 ** 32;

export function safetensorsDtype({ name }: Dtype): string {
  return NAMES.get(name) as string;
}

/** The shape as the format counts it: of `float4_e2m1fn_x2`, whose elements are pairs, the last dimension is twice as long. */
export function safetensorsShape({ dtype, shape }: Tensor): readonly number[] {
  return dtype.name === 'float4_e2m1fn_x2' ? [...shape.slice(0, -1), 2 * (shape.at(-1) as number)] : shape;
}

/** The order of the library: the widest dtypes first, so that each tensor stands at a multiple of its size; then names by their UTF-8 bytes. */
export function inFileOrder(a: Tensor, b: Tensor): number {
  return (
    (RANKS.get(b.dtype.name) as number) - (RANKS.get(a.dtype.name) as number) || compareNames(a.name, b.name)
  );
}

export function compareNames(a: string, b: string): number {
  // beyond ASCII the units of UTF-16 have another order than the bytes of UTF-8
  if (/[^ -~]/.test(a) || /[^ -~]/.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @throws RefusedError that names the tensors that the format has no form for. */
export function refuseFormless(tensors: readonly Tensor[]): void {
  const reasons = new Map<string, string[]>();
  for (const tensor of tensors) {
    const reason = obstacle(tensor);
    if (reason === undefined) continue;
    const names = reasons.get(reason);
    if (names) names.push(tensor.name);
    else reasons.set(reason, [tensor.name]);
  }
  if (reasons.size === 0) return;
  const words = Array.from(reasons, ([reason, names]) => `${listed(names)} (${reason})`).join('; ');
  throw new RefusedError(
    `safetensors has no form for ${counted([...reasons.values()].flat().length, 'tensor')}: ${words}; leave them out with --drop, or write a torch file`,
  );
}

function obstacle(tensor: Tensor): string | undefined {
  const { kind, dtype, storage, shape, name, bytes, array } = tensor;
  if (name === '__metadata__') return 'the name is taken by the format itself';
  if (/[^ -~]/.test(name) && /\p{Surrogate}/u.test(name)) return 'the name is no valid Unicode';
  if (kind === 'meta') return 'meta, without data';
  if (kind === 'sparse' || kind === 'nested' || kind === 'quantized') return kind;
  if (array) return 'a numpy array of the pickle, of which --safe makes a tensor';
  if (!storage || tensor.parts.length > 0) return 'a subclass around other tensors';
  if (!NAMES.has(dtype.name)) return dtype.name;
  if (dtype.name === 'float4_e2m1fn_x2' && shape.length === 0)
    return `${dtype.name} without a dimension to count pairs in`;
  if (bytes > LARGEST_GATHERED && !isContiguous(tensor))
    return `${bytes} bytes that stand apart, more than fit into memory`;
  return undefined;
}

/** What is written once although it stands under several names, and what is written more than once. */
export interface Sharing {
  /** The tensors to be written, in the order of the checkpoint. */
  readonly kept: readonly Tensor[];
  /** Name of every other tensor, with the name of the one that it is the same as. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Bytes that are written again because tensors overlap without being the same, or repeat elements of their own. */
  readonly repeatedBytes: number;
}

/**
 * Tells which tensors are the same: all of the same elements, seen in the same way. The first of them is kept. What overlaps
 * otherwise is kept whole.
 *
 * @param reserved Names that can't be an alias.
 */
export function shareOut(tensors: readonly Tensor[], reserved: { has(name: string): boolean }): Sharing {
  const byStorage = new Map<Storage, Tensor[]>();
  for (const tensor of tensors) {
    const storage = tensor.storage as Storage;
    const views = byStorage.get(storage);
    if (views) views.push(tensor);
    else byStorage.set(storage, [tensor]);
  }
  const aliases = new Map<string, string>();
  const budget = coverageBudget();
  let repeatedBytes = 0;
  for (const views of byStorage.values()) {
    const [only] = views;
    if (views.length === 1 && only && isContiguous(only)) continue;
    const kept = new Map<string, Tensor>();
    let written = 0;
    for (const tensor of views) {
      const same = tensor.elements === 0 ? undefined : kept.get(viewKey(tensor));
      if (same && !reserved.has(tensor.name)) aliases.set(tensor.name, same.name);
      else {
        if (!same) kept.set(tensor.elements === 0 ? tensor.name : viewKey(tensor), tensor);
        written += tensor.bytes;
      }
    }
    // views of several dtypes on one storage are too rare to be counted
    const sizes = new Set(views.map(({ dtype }) => dtype.itemSize));
    const [itemSize = 1] = sizes;
    if (sizes.size === 1) repeatedBytes += written - coveredElements(views, budget) * itemSize;
  }
  const kept = aliases.size === 0 ? tensors : tensors.filter(({ name }) => !aliases.has(name));
  return { kept, aliases, repeatedBytes };
}

function viewKey(tensor: Tensor): string {
  const { dtype, shape, stride, storageOffset, conj, neg } = tensor;
  const strides = isContiguous(tensor) ? '' : stride.join();
  return `${dtype.name} ${storageOffset} ${shape.join()} ${strides} ${conj} ${neg}`;
}
