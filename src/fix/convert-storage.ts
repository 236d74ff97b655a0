import type { Storage } from '../checkpoint/storage.ts';
import type { ConvertedSegment, Segment } from '../io/segment.ts';
import { sliceSegment } from '../io/slice.ts';

/** Swaps the bytes of each value of `unit` bytes. */
export function swapped(content: Segment, unit: number): Segment {
  if (unit === 1) return content;
  const converted: ConvertedSegment = {
    from: content,
    unitBefore: unit,
    unitAfter: unit,
    length: content.length,
    convert(before, after) {
      after.set(before);
      const bytes = Buffer.from(after.buffer, after.byteOffset, after.byteLength);
      if (unit === 2) bytes.swap16();
      else if (unit === 4) bytes.swap32();
      else bytes.swap64();
    },
  };
  return converted;
}

/** The bytes of a storage that its pickle counts on: a record may be longer. */
export function wholeContent({ content, bytes }: Storage): Segment | undefined {
  return content && (content.length > bytes ? sliceSegment(content, 0, bytes) : content);
}
