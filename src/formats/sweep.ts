import type { ByteSource } from '../io/byte-source.ts';
import { SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange, type Segment } from '../io/segment.ts';
import { decodePickle } from '../pickle/decoder.ts';
import { PickleFault, type PickleTrace, type RecordTrace } from '../pickle/trace.ts';
import { METHOD_STORED } from '../zip/constants.ts';
import { firstRecord } from '../zip/recover.ts';
import { Archive } from './archive.ts';
import { pickleSource } from './torch-zip.ts';

/** A legacy stream is five pickles; who hides one puts it right behind. */
const MOST_STACKED = 8;
/** Records that are looked at; an archive of more that torch does not know is told for that alone. */
const MOST_RECORDS = 256;
/** A pickle that only names things fits many times over; storages that nothing refers to are no pickles. */
const LONGEST_RECORD = 16 * 2 ** 20;

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
    traces.push(...(await sweepRecords(archive, () => false)));
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
  }
  // torch writes the pickle first: where the directory is lost it is still there
  const first = await firstRecord(source);
  if (first && !known.has(first.name.toLowerCase()) && first.method === METHOD_STORED)
    traces.push(...(await stacked(source, first.dataOffset, first.name, 1)));
  return traces;
}

/** The traces of the records that are not `known`, as far as they are pickles. */
export async function sweepRecords(
  archive: Archive,
  isKnown: (name: string) => boolean,
): Promise<RecordTrace[]> {
  const traces: RecordTrace[] = [];
  let looked = 0;
  for (const { name, size } of archive.entries) {
    if (size === 0 || size > LONGEST_RECORD || name.endsWith('/') || TEXT_RECORD.test(name) || isKnown(name))
      continue;
    if (looked++ >= MOST_RECORDS) break;
    const content = contentOf(archive, name);
    if (content) traces.push(...(await stackedIn(content, name)));
  }
  return traces;
}

/** What stands in a record behind the pickle that torch reads from it. */
export async function sweepBehind(content: Segment, length: number, record: string): Promise<RecordTrace[]> {
  if (content.length <= length || !isRange(content)) return [];
  return stacked(new SubSource(content.source, content.offset, content.length), length, record);
}

function contentOf(archive: Archive, name: string): Segment | undefined {
  try {
    return archive.contentByName(name);
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}

async function stackedIn(content: Segment, record: string): Promise<RecordTrace[]> {
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

/** Bytes that are no pickle may happen to name something before they break; to call it takes more than chance. */
function didSomething(trace: PickleTrace): boolean {
  return trace.length > 0 || trace.calls.length > 0 || trace.oddities.length > 0;
}
