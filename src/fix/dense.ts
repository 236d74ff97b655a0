import { readTensor } from '../checkpoint/read-tensor.ts';
import type { Storage } from '../checkpoint/storage.ts';
import type { Tensor } from '../checkpoint/tensor.ts';
import { isContiguous } from '../checkpoint/view-coverage.ts';
import { RefusedError } from '../io/errors.ts';
import type { ConvertedSegment, Segment } from '../io/segment.ts';
import { sliceSegment } from '../io/slice.ts';

/**
 * The elements of a tensor in C order, torch's lazy bits resolved, as they shall stand in a file.
 * A tensor whose elements stand apart is put together in memory when its turn comes.
 *
 * @throws RefusedError for packed values that stand apart, and where the tensor has no bytes.
 */
export function denseContent(tensor: Tensor): Segment {
  const { storage, dtype, name, storageOffset } = tensor;
  if (tensor.array)
    throw new RefusedError(`tensor ${name} is a numpy array of the pickle: fix --safe makes a tensor of it`);
  if (!storage?.content) throw new RefusedError(`tensor ${name} has no bytes in the file`);
  const packed = dtype.valuesPerByte ?? 1;
  const standing = isContiguous(tensor) && storageOffset % packed === 0;
  if (packed > 1 && !standing)
    throw new RefusedError(
      `tensor ${name}: ${dtype.name} packs ${packed} values into a byte, and they stand apart`,
    );
  const elements = standing
    ? sliceSegment(
        storage.content,
        tensor.elements === 0 ? 0 : (storageOffset * dtype.itemSize) / packed,
        tensor.bytes,
      )
    : gathered(tensor);
  return resolved(tensor, elements);
}

function gathered(tensor: Tensor): Segment {
  return {
    length: tensor.bytes,
    async *generate() {
      const array = await readTensor({ ...tensor, conj: false, neg: false });
      yield new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    },
  };
}

/** torch keeps the numbers as they were and remembers that they are to be conjugated or negated. */
function resolved({ conj, neg, dtype }: Tensor, content: Segment): Segment {
  if (!conj && !neg) return content;
  const complex = dtype.family === 'complex';
  const size = complex ? dtype.swapSize : dtype.itemSize;
  const numbers = complex ? 2 : 1;
  // of a complex number that is both conjugated and negated only the real part changes its sign
  const flips = [neg, complex ? neg !== conj : neg].slice(0, numbers);
  const unit = dtype.itemSize;
  const converted: ConvertedSegment = {
    from: content,
    unitBefore: unit,
    unitAfter: unit,
    length: content.length,
    convert(before, after) {
      after.set(before);
      flips.forEach((flip, part) => {
        if (!flip) return;
        for (let at = (part + 1) * size - 1; at < after.length; at += unit)
          after[at] = (after[at] as number) ^ 0x80;
      });
    },
  };
  return converted;
}

/** A storage that holds one tensor and nothing else, in C order. */
export function denseStorage(tensor: Tensor, key: string): Storage {
  const storage = tensor.storage as Storage;
  const content = denseContent(tensor);
  const bytes = content.length;
  return {
    ...storage,
    key,
    numel: storage.dtype ? Math.floor(bytes / storage.dtype.itemSize) : bytes,
    bytes,
    content,
    fileOffset: null,
    crc32: undefined,
  };
}
