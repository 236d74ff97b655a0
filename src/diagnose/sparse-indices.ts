import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { readTensor, type TensorArray } from '../checkpoint/read-tensor.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { UnreadableError } from '../io/errors.ts';

/** A sparse tensor one of whose indices is none of its shape. */
export interface IndexFault {
  /** Name of the tensor. */
  readonly name: string;
  readonly index: number;
  /** Of the dimension that it indexes. */
  readonly size: number;
}

/** Indices are read a tensor at a time; a tensor with more of them is passed over. */
const MOST_BYTES = 256 * 2 ** 20;

/**
 * Reads the indices of all sparse tensors and holds them against the shapes, which torch.load does not. Those that can't be read are
 * damage that is told elsewhere.
 * @param budget Bytes of indices that are read in all.
 */
export async function checkSparseIndices({ tensors }: Checkpoint, budget: number): Promise<IndexFault[]> {
  const faults: IndexFault[] = [];
  let left = budget;
  for (const tensor of tensors) {
    if (tensor.kind !== 'sparse') continue;
    const indices = tensor.parts.slice(0, -1);
    const bytes = indices.reduce((sum, part) => sum + part.bytes, 0);
    if (bytes > left || bytes > MOST_BYTES) continue;
    left -= bytes;
    try {
      const fault = await faultOf(tensor, indices);
      if (fault) faults.push({ name: tensor.name, ...fault });
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
    }
  }
  return faults;
}

type Fault = Omit<IndexFault, 'name'> | undefined;

async function faultOf({ shape, parts }: Tensor, indices: readonly Tensor[]): Promise<Fault> {
  const [first, plain] = indices;
  if (!first) return undefined;
  const values = await readTensor(first);
  if (!plain) {
    // COO: a row of indices for each sparse dimension
    const count = first.shape[1] ?? 0;
    return outside(values, (at) => shape[Math.floor(at / count)] ?? 0);
  }
  // CSR, CSC and the blocked ones: how many indices each row begins with, and the indices themselves
  const entries = parts.at(-1)?.shape[0] ?? 0;
  const longest = Math.max(...shape);
  return outside(values, () => entries + 1) ?? outside(await readTensor(plain), () => longest);
}

function outside(values: TensorArray, sizeAt: (at: number) => number): Fault {
  for (let at = 0; at < values.length; at++) {
    const index = Number(values[at]);
    const size = sizeAt(at);
    if (index < 0 || index >= size) return { index, size };
  }
  return undefined;
}
