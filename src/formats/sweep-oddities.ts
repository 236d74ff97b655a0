import { constants, inflateRawSync } from 'node:zlib';
import type { ArchiveOddity } from '../checkpoint/checkpoint.ts';
import { type ByteSource, MemorySource, SubSource } from '../io/byte-source.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import { LOCAL_HEADER_BYTES, METHOD_DEFLATED } from '../zip/constants.ts';
import type { Archive } from './archive.ts';
import { archiveBeforeFix } from './archive-oddities.ts';
import { noted, stacked } from './stacked.ts';
import { contentTraces, plainContent } from './sweep-records.ts';

/** Bytes of a stretch that are searched, and that what is deflated in it is inflated to. */
const LONGEST_STRETCH = 16 * 2 ** 20;
/** Headers of records that are tried in bytes that belong to nothing. */
const MOST_HEADERS = 64;
const LOCAL_SIGNATURE = Buffer.of(0x50, 0x4b, 0x03, 0x04);

/** What other readers than torch would find where no record of the directory is, and that they would find another archive. */
export async function sweepOddities(
  { source, directory, offsets }: Archive,
  oddities: readonly ArchiveOddity[],
): Promise<RecordTrace[]> {
  const traces: RecordTrace[] = [];
  for (const { kind, what, offset, end } of oddities) {
    if (kind === 'second-directory') traces.push(noted('second-archive', what, offset));
    if (end !== undefined) traces.push(...(await sweepStretch(source, offset, end)));
  }
  const before = await archiveBeforeFix(source, { directory, offsets });
  if (before) {
    const headers = new Set(directory.entries.map(({ headerOffset }) => headerOffset));
    for (const [index, entry] of before.directory.entries.entries()) {
      if (headers.has(entry.headerOffset)) continue;
      const content = plainContent(before.source, entry, before.offsets[index] as number);
      if (content) traces.push(...(await contentTraces(content, `${entry.name} before the fix in place`)));
    }
  }
  return traces;
}

/** Pickles in bytes that belong to nothing: right at their start, and behind what looks like the header of a record. */
export async function sweepStretch(source: ByteSource, start: number, end: number): Promise<RecordTrace[]> {
  const traces = await stacked(new SubSource(source, 0, end), start, '');
  const length = Math.min(end - start, LONGEST_STRETCH);
  const bytes = await source.read(start, length);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = view.indexOf(LOCAL_SIGNATURE);
  for (let headers = 0; at >= 0 && headers < MOST_HEADERS; headers++) {
    if (at + LOCAL_HEADER_BYTES <= length) {
      const data = at + LOCAL_HEADER_BYTES + view.readUInt16LE(at + 26) + view.readUInt16LE(at + 28);
      const content = hiddenContent(view, at, data);
      if (content)
        traces.push(
          ...(await stacked(new MemorySource(content), 0, `hidden record at offset ${start + at}`)),
        );
    }
    at = view.indexOf(LOCAL_SIGNATURE, at + 1);
  }
  return traces;
}

/** The bytes behind a local header, inflated as far as they are deflated data. Its sizes may be left out, so they are not asked. */
function hiddenContent(bytes: Buffer, header: number, data: number): Uint8Array | undefined {
  if (data >= bytes.length) return undefined;
  if (bytes.readUInt16LE(header + 8) !== METHOD_DEFLATED) return bytes.subarray(data);
  try {
    return inflateRawSync(bytes.subarray(data), {
      maxOutputLength: LONGEST_STRETCH,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
  } catch {
    return undefined;
  }
}
