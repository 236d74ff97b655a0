import type { ByteSink } from '../io/byte-sink.ts';
import { WindowedWriter } from '../io/windowed-writer.ts';
import { crc32 } from './checksum.ts';
import {
  directoryEntryBytes,
  END_RECORDS_BYTES,
  type RecordNumbers,
  writeDescriptor,
  writeDirectoryEntry,
  writeEndRecords,
  writeLocalHeader,
} from './header-bytes.ts';
import type { ArchiveLayout, OutputRecord } from './layout.ts';
import { descriptorBytes } from './placement.ts';

export interface WriteOptions {
  /** Called as bytes reach the output. */
  readonly onProgress?: (written: number, total: number) => void;
}

export interface WrittenArchive {
  /** CRC-32 of each record's content, in the order of the layout. */
  readonly crc32: Uint32Array;
}

/**
 * Writes an archive in one pass over its contents, as it was laid out, from its start on. Ranges of sources are read straight into the output
 * buffers, several reads and writes at a time; each CRC is computed as the bytes pass by.
 *
 * @throws UnreadableError where a source no longer gives the bytes that the layout counts on; RefusedError where the
 * output does not take them. No read or write is in flight any more when it throws.
 */
export async function writeArchive(
  layout: ArchiveLayout,
  output: ByteSink,
  options: WriteOptions = {},
): Promise<WrittenArchive> {
  const { records, kept, start, directoryOffset, directorySize } = layout;
  const sums = new Uint32Array(records.length);
  const total = layout.size - start;
  let written = 0;
  const writer = new WindowedWriter(from(output, start), total, (bytes) => {
    written += bytes;
    options.onProgress?.(written, total);
  });
  try {
    for (let index = 0; index < records.length; index++) {
      for (const waiting of appendRecord(writer, layout, index, sums))
        if (waiting !== undefined) await waiting;
    }
    // The directory holds every CRC, so it waits for the last of them.
    await writer.seen();
    for (let index = 0; index < records.length; index++) {
      const numbers = numbersOf(layout, index);
      const waiting = writer.append(directoryEntryBytes(numbers), (into, at) => {
        writeDirectoryEntry(into, at, numbers, sums[index] as number);
      });
      if (waiting !== undefined) await waiting;
    }
    await writer.appendSegment(kept.bytes, () => {});
    const entries = records.length + kept.count;
    await writer.append(END_RECORDS_BYTES, (into, at) => {
      writeEndRecords(into, at, { entries, directoryOffset, directorySize });
    });
    await writer.end();
  } finally {
    await writer.settle();
  }
  return { crc32: sums };
}

/** The same sink, addressed from `start` on. */
function from(sink: ByteSink, start: number): ByteSink {
  return start === 0 ? sink : { write: (offset, bytes) => sink.write(start + offset, bytes) };
}

/** Header, content and descriptor of a record; each step gives what is to be awaited before the next, if anything. */
function* appendRecord(
  writer: WindowedWriter,
  layout: ArchiveLayout,
  index: number,
  sums: Uint32Array,
): Generator<Promise<void> | undefined, void, void> {
  const numbers = numbersOf(layout, index);
  const dataOffset = layout.dataOffsets[index] as number;
  yield writer.append(dataOffset - numbers.headerOffset, (into, at) => {
    writeLocalHeader(into, at, numbers, dataOffset);
  });
  const see = (bytes: Uint8Array): void => {
    sums[index] = crc32(bytes, sums[index]);
  };
  for (const segment of (layout.records[index] as OutputRecord).content)
    yield writer.appendSegment(segment, see);
  const length = descriptorBytes(numbers.headerOffset, numbers.size);
  yield writer.appendLater(length, (into, at) => {
    writeDescriptor(into, at, numbers, sums[index] as number);
  });
}

function numbersOf(layout: ArchiveLayout, index: number): RecordNumbers {
  const { name, size } = layout.records[index] as OutputRecord;
  return { name: `${layout.root}/${name}`, size, headerOffset: layout.headerOffsets[index] as number };
}
