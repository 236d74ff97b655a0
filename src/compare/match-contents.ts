import type { Tensor } from '../checkpoint/tensor.ts';
import { isContiguous } from '../checkpoint/view-coverage.ts';
import { isKnownError } from '../io/errors.ts';
import { streamSegment } from '../io/segment.ts';
import { crc32 } from '../zip/checksum.ts';
import type { NamedTensor } from './comparison.ts';
import { denseBytes } from './dense-bytes.ts';
import type { Unmatched } from './match-names.ts';

const CHUNK = 4 * 2 ** 20;
/** Bytes that are read to find renamed tensors where values were not asked for: no more than a second's work. */
export const FEW_BYTES = 2 ** 28;

/**
 * Pairs what is left by its content: same dtype, same shape, same checksum of the bytes. The checksums of an archive serve as they
 * are; others are computed, of as many bytes as `budget` allows. Contents that stand several times are paired in their order, where
 * both sides have as many of them.
 */
export async function matchContents(left: Unmatched, budget: number): Promise<void> {
  const formsOfB = new Set([...left.b.values()].map(formOf));
  const candidates = [...left.a.values()].filter(
    (each) => each.tensor.bytes > 0 && formsOfB.has(formOf(each)),
  );
  const formsOfA = new Set(candidates.map(formOf));
  const others = [...left.b.values()].filter((each) => formsOfA.has(formOf(each)));
  const rest = { bytes: budget };
  const [a, b] = [await byContent(candidates, rest), await byContent(others, rest)];
  for (const [content, ofA] of a) {
    const ofB = b.get(content) ?? [];
    if (ofA.length === ofB.length)
      for (const [index, each] of ofA.entries()) left.pair(each, ofB[index] as NamedTensor, 'content');
  }
}

function formOf({ tensor: { dtype, shape } }: NamedTensor): string {
  return `${dtype.name} ${shape.join()}`;
}

async function byContent(
  tensors: readonly NamedTensor[],
  rest: { bytes: number },
): Promise<Map<string, NamedTensor[]>> {
  const found = new Map<string, NamedTensor[]>();
  for (const each of tensors) {
    const checksum = declaredChecksum(each.tensor) ?? (await computedChecksum(each.tensor, rest));
    if (checksum === undefined) continue;
    const content = `${formOf(each)} ${checksum}`;
    const alike = found.get(content);
    if (alike) alike.push(each);
    else found.set(content, [each]);
  }
  return found;
}

/** That of the record, where the tensor is all of it. */
function declaredChecksum(tensor: Tensor): number | undefined {
  const { storage, conj, neg } = tensor;
  // torch writes 0 where it was told to compute none
  if (!storage?.content || !storage.crc32 || storage.byteOrder === 'big' || conj || neg) return undefined;
  const isAll = storage.content.length === tensor.bytes && tensor.storageOffset === 0 && isContiguous(tensor);
  return isAll && tensor.parts.length === 0 ? storage.crc32 : undefined;
}

async function computedChecksum(tensor: Tensor, rest: { bytes: number }): Promise<number | undefined> {
  if (!tensor.storage?.content || tensor.parts.length > 0 || tensor.bytes > rest.bytes) return undefined;
  rest.bytes -= tensor.bytes;
  try {
    let sum = 0;
    for await (const chunk of streamSegment(denseBytes(tensor), CHUNK)) sum = crc32(chunk, sum);
    return sum;
  } catch (error) {
    // what can't be read has no content to be found by
    if (isKnownError(error)) return undefined;
    throw error;
  }
}
