import { constants, inflateRawSync } from 'node:zlib';
import type { ArchiveOddity } from '../checkpoint/checkpoint.ts';
import { type ByteSource, MemorySource, SubSource } from '../io/byte-source.ts';
import { checkDeadline } from '../io/deadline.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange, type Segment, segmentLength } from '../io/segment.ts';
import { decodePickle } from '../pickle/decoder.ts';
import { type OddityKind, PickleFault, type PickleTrace, type RecordTrace } from '../pickle/trace.ts';
import { LOCAL_HEADER_BYTES, METHOD_DEFLATED, METHOD_STORED } from '../zip/constants.ts';
import { entryContent } from '../zip/content.ts';
import type { ZipEntry } from '../zip/directory.ts';
import { findEndRecord, readTail } from '../zip/end-record.ts';
import { firstRecord } from '../zip/recover.ts';
import { Archive } from './archive.ts';
import { archiveBeforeFix, archiveOddities } from './archive-oddities.ts';
import { pickleSource } from './torch-zip.ts';

/** A legacy stream is five pickles; who hides one puts it right behind. */
const MOST_STACKED = 8;
/** Records that are looked at; that there are more is told. */
const MOST_RECORDS = 16_384;
/** Deflated data is inflated up to this; a pickle that only names things fits many times over. */
const LONGEST_RECORD = 16 * 2 ** 20;
/** Inflated bytes of all records together; records that lie over each other could make gigabytes of a few kilobytes. */
const MOST_INFLATED = 64 * 2 ** 20;
/** Headers of records that are tried in bytes that belong to nothing. */
const MOST_HEADERS = 64;
const LOCAL_SIGNATURE = Buffer.of(0x50, 0x4b, 0x03, 0x04);

/** Records of torch's own that are plain text, and code that is read as text. */
const TEXT_RECORD =
  /(^|\/)(version|byteorder|\.format_version|\.storage_alignment|serialization_id|archive_format|archive_version|python_version|extern_modules)$|\.(py|json|txt|md)$/i;

/**
 * What loaders would do with the pickles of a file that could not be opened: a file is no less hostile for being damaged. Nothing
 * that goes wrong here is told; the error that brought us here is.
 */
export async function sweepFile(source: ByteSource): Promise<RecordTrace[]> {
  const traces = await stacked(source, 0, '');
  const known = new Set<string>();
  try {
    const archive = await Archive.open(source);
    for (const { name } of archive.entries) known.add(name.toLowerCase());
    traces.push(...(await sweepRecords(archive)));
    traces.push(...(await sweepOddities(archive, await archiveOddities(source, archive))));
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
  }
  // torch writes the pickle first: where the directory is lost it is still there
  const first = await firstRecord(source);
  if (first && !known.has(first.name.toLowerCase()) && first.method === METHOD_STORED)
    traces.push(...(await stacked(source, first.dataOffset, first.name, 1)));
  return traces;
}

/** The traces of the records that are not `known`, as far as they are pickles: each entry, also where two have one name. */
export async function sweepRecords(
  archive: Archive,
  known: ReadonlySet<ZipEntry> = new Set(),
): Promise<RecordTrace[]> {
  const { entries, offsets, source } = archive;
  const traces: RecordTrace[] = [];
  let looked = 0;
  let inflated = 0;
  for (const [index, entry] of entries.entries()) {
    const { name, size } = entry;
    if (size === 0 || name.endsWith('/') || TEXT_RECORD.test(name) || known.has(entry)) continue;
    if (looked++ >= MOST_RECORDS) {
      traces.push(noted('unsearched', `more than ${MOST_RECORDS} records that nothing refers to`, 0));
      break;
    }
    checkDeadline();
    const content = plainContent(source, entry, offsets[index] as number);
    if (!content) continue;
    if (!isRange(content)) inflated += segmentLength(content);
    if (inflated > MOST_INFLATED) {
      traces.push(noted('unsearched', `deflated records of more than ${MOST_INFLATED} bytes together`, 0));
      break;
    }
    traces.push(...(await stackedIn(content, name)));
  }
  return traces;
}

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
      if (headers.has(entry.headerOffset) || TEXT_RECORD.test(entry.name)) continue;
      const content = plainContent(before.source, entry, before.offsets[index] as number);
      if (content) traces.push(...(await stackedIn(content, `${entry.name} before the fix in place`)));
    }
  }
  return traces;
}

/** What stands in a file behind the pickles that make up its checkpoint: more pickles, or an archive that other readers would open. */
export async function sweepTail(source: ByteSource, end: number): Promise<RecordTrace[]> {
  if (end >= source.size) return [];
  const traces = await sweepStretch(source, end, source.size);
  try {
    const { entries, offset } = await findEndRecord(source, await readTail(source));
    if (entries > 0 && offset >= end)
      traces.push(
        noted('second-archive', 'a zip archive behind the pickle, which some readers open instead', end),
      );
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
  }
  return traces;
}

/** A trace that says one thing about the file. */
function noted(kind: OddityKind, what: string, offset: number): RecordTrace {
  return {
    record: '',
    trace: { protocol: 0, globals: [], calls: [], oddities: [{ kind, offset, what }], length: 0 },
  };
}

/** Pickles in bytes that belong to nothing: right at their start, and behind what looks like the header of a record. */
async function sweepStretch(source: ByteSource, start: number, end: number): Promise<RecordTrace[]> {
  const traces = await stacked(new SubSource(source, 0, end), start, '');
  const length = Math.min(end - start, LONGEST_RECORD);
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
      maxOutputLength: LONGEST_RECORD,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
  } catch {
    return undefined;
  }
}

/** What stands in a record behind the pickle that torch reads from it. */
export async function sweepBehind(content: Segment, length: number, record: string): Promise<RecordTrace[]> {
  if (content.length <= length || !isRange(content)) return [];
  return stacked(new SubSource(content.source, content.offset, content.length), length, record);
}

/** The bytes of a record whatever its flags say: bytes that are said to be encrypted and are not, other readers take as they are. */
function plainContent(source: ByteSource, entry: ZipEntry, offset: number): Segment | undefined {
  try {
    return entryContent(source, { ...entry, flags: 0 }, offset);
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

async function stackedIn(content: Segment, record: string): Promise<RecordTrace[]> {
  if (!isRange(content) && segmentLength(content) > LONGEST_RECORD)
    return [noted('unsearched', `the deflated record ${record} of ${segmentLength(content)} bytes`, 0)];
  try {
    return await stacked(await pickleSource(content), 0, record);
  } catch (error) {
    if (error instanceof UnreadableError) return [];
    throw error;
  }
}

/** Pickles one behind the other, up to the first that breaks; what that had done counts too. */
export async function stacked(
  source: ByteSource,
  offset: number,
  record: string,
  most = MOST_STACKED,
): Promise<RecordTrace[]> {
  const traces: RecordTrace[] = [];
  let at = offset;
  for (let index = 0; index < most && at < source.size; index++) {
    const trace = await traceAt(source, at);
    if (!trace || !didSomething(trace)) break;
    traces.push({ record, trace });
    if (trace.length === 0) break;
    at += trace.length;
  }
  return traces;
}

async function traceAt(source: ByteSource, offset: number): Promise<PickleTrace | undefined> {
  try {
    return (await decodePickle(source, offset, { firstRead: 2 ** 16 })).trace;
  } catch (error) {
    if (error instanceof PickleFault) return { ...(error.traces[0] as RecordTrace).trace, length: 0 };
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

/** Bytes that are no pickle may happen to name something, or an extension code, before they break; to call it takes more than chance. */
function didSomething(trace: PickleTrace): boolean {
  return (
    trace.length > 0 || trace.calls.length > 0 || trace.oddities.some(({ kind }) => kind !== 'extension')
  );
}
