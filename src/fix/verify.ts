import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { RefusedError } from '../io/errors.ts';
import { type Segment, streamSegment } from '../io/segment.ts';
import type { Treatment } from './plan.ts';

export type VerifyLevel = 'quick' | 'full';

/** Bytes that are compared at a time. */
const WINDOW = 4 * 2 ** 20;

/**
 * Holds a written file, opened again, against the plan: every tensor under its name with its dtype, shape, strides and place in a
 * storage, shared where it was shared, every storage where it shall be and of its size. `full` compares the bytes of every storage
 * with the source as well.
 *
 * @throws RefusedError that says what differs.
 */
export async function verifyOutput(plan: Treatment, output: Checkpoint, level: VerifyLevel): Promise<void> {
  if (output.damage[0]) throw differs(output.damage[0].message);
  if (output.storages.length !== plan.storages.length) {
    throw differs(`${output.storages.length} storages, expected ${plan.storages.length}`);
  }
  const written = new Map<Storage, Storage>();
  for (const [index, { storage, key, location }] of plan.storages.entries()) {
    const other = output.storages[index] as Storage;
    if (other.key !== key || other.location !== location || other.bytes !== storage.bytes) {
      throw differs(`storage ${key} is ${other.key} on ${other.location} with ${other.bytes} bytes`);
    }
    written.set(storage, other);
  }
  if (output.tensors.length !== plan.tensors.length) {
    throw differs(`${output.tensors.length} tensors, expected ${plan.tensors.length}`);
  }
  for (const [index, tensor] of plan.tensors.entries()) {
    const other = output.tensors[index] as Tensor;
    if (other.name !== tensor.name || form(other) !== form(tensor)) {
      throw differs(`tensor ${tensor.name} (${form(tensor)}) is ${other.name} (${form(other)})`);
    }
    if (tensor.storage && other.storage !== written.get(tensor.storage)) {
      throw differs(`tensor ${tensor.name} is not in the storage that it was in`);
    }
  }
  if (level !== 'full') return;
  for (const [before, after] of written) {
    if (before.bytes === 0) continue;
    await compareSegments(
      before.content as Segment,
      after.content as Segment,
      `storage ${after.key}`,
      before.bytes,
    );
  }
}

/** The error for a file that is not what was planned. */
export function differs(what: string): RefusedError {
  return new RefusedError(`verification failed, nothing was kept: ${what}`);
}

function form(tensor: Tensor): string {
  const { kind, dtype, shape, stride, storageOffset, requiresGrad, conj, neg } = tensor;
  return `${kind} ${dtype.name} [${shape}] strides [${stride}] offset ${storageOffset} ${requiresGrad} ${conj} ${neg}`;
}

/** Compares the first `length` bytes of two segments. @throws RefusedError that names what differs, and where. */
export async function compareSegments(
  before: Segment,
  after: Segment,
  what: string,
  length = before.length,
): Promise<void> {
  const old = new Pull(before);
  const now = new Pull(after);
  for (let at = 0; at < length; ) {
    const count = Math.min(WINDOW, length - at);
    const [a, b] = await Promise.all([old.take(count), now.take(count)]);
    if (a.length < count || !a.equals(b)) throw differs(`bytes of ${what} differ after byte ${at}`);
    at += count;
  }
}

/** Takes a segment piece by piece, in lengths of the caller's choice. */
class Pull {
  readonly #chunks: AsyncGenerator<Uint8Array, void, void>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(segment: Segment) {
    this.#chunks = streamSegment(segment, WINDOW);
  }

  async take(length: number): Promise<Buffer> {
    const parts = [this.#rest];
    let have = this.#rest.length;
    while (have < length) {
      const { value, done } = await this.#chunks.next();
      if (done || value === undefined) break;
      parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      have += value.byteLength;
    }
    const all = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    this.#rest = all.subarray(length);
    return all.subarray(0, length);
  }
}
