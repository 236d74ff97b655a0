import { type ByteSource, SubSource } from '../io/byte-source.ts';
import { checkDeadline } from '../io/deadline.ts';
import { UnreadableError } from '../io/errors.ts';
import { isRange, type Segment, segmentLength } from '../io/segment.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import { storageIdOf } from '../torch/storage-id.ts';
import { METHOD_STORED } from '../zip/constants.ts';
import { entryContent } from '../zip/content.ts';
import type { ZipEntry } from '../zip/entry-table.ts';
import { firstRecord } from '../zip/recover.ts';
import { Archive } from './archive.ts';
import { decodeOrTrace, noted, stacked, unsearched } from './stacked.ts';
import { pickleSource } from './torch-zip.ts';

/** Records that are looked at; that there are more is told. */
const MOST_RECORDS = 16_384;
/** Deflated data is inflated up to this; a pickle that only names things fits many times over. */
const LONGEST_RECORD = 16 * 2 ** 20;
/** Inflated bytes of all records together; records that lie over each other could make gigabytes of a few kilobytes. */
const MOST_INFLATED = 64 * 2 ** 20;
/** Archives that stand in each other; a made one may hold itself. */
const MOST_NESTED = 4;

/** What is left of a search that goes through archives in archives. */
class Allowance {
  records = MOST_RECORDS;
  inflated = MOST_INFLATED;
  /** What could not be looked at was told. */
  isSpent = false;

  spend(reason: string): RecordTrace[] {
    if (this.isSpent) return [];
    this.isSpent = true;
    return [noted('unsearched', reason, 0)];
  }
}

/**
 * The traces of the records that are not `known`, as far as they are pickles: each entry, also where two have one name.
 * @param known Numbers of entries.
 */
export async function sweepRecords(
  archive: Archive,
  known: ReadonlySet<number> = new Set(),
  allowance: Allowance = new Allowance(),
  depth = 0,
): Promise<RecordTrace[]> {
  const { entries, offsets, source } = archive;
  const traces: RecordTrace[] = [];
  for (const [index, entry] of entries.entries()) {
    const { name, size } = entry;
    if (allowance.isSpent) break;
    if (size === 0 || name.endsWith('/') || known.has(index)) continue;
    if (allowance.records-- <= 0) {
      traces.push(...allowance.spend(`more than ${MOST_RECORDS} records that nothing refers to`));
      break;
    }
    checkDeadline();
    const content = plainContent(source, entry, offsets[index] as number);
    if (!content) continue;
    if (!isRange(content)) allowance.inflated -= segmentLength(content);
    if (allowance.inflated < 0) {
      traces.push(...allowance.spend(`deflated records of more than ${MOST_INFLATED} bytes together`));
      break;
    }
    traces.push(...(await contentTraces(content, name, allowance, depth)));
  }
  return traces;
}

/** The traces of the pickles in a record, or in the records of an archive that stands in it. */
export async function contentTraces(
  content: Segment,
  record: string,
  allowance: Allowance = new Allowance(),
  depth = 0,
): Promise<RecordTrace[]> {
  if (!isRange(content) && segmentLength(content) > LONGEST_RECORD)
    return [noted('unsearched', `the deflated record ${record} of ${segmentLength(content)} bytes`, 0)];
  try {
    const source = await pickleSource(content);
    if (!(await startsLikeArchive(source))) return await stacked(source, 0, record);
    if (depth >= MOST_NESTED)
      return [noted('unsearched', `${record}, in more than ${MOST_NESTED} archives in each other`, 0)];
    const traces = await nestedTraces(source, allowance, depth + 1);
    return traces.map((trace) => ({ ...trace, record: trace.record ? `${record}/${trace.record}` : record }));
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return limitTraces(record, error);
  }
}

/** Of what a budget of ours stopped nobody knows what stands in it. */
function limitTraces(record: string, { code, message }: UnreadableError): RecordTrace[] {
  checkDeadline();
  return code === 'limit' ? [unsearched(record, message)] : [];
}

async function startsLikeArchive(source: ByteSource): Promise<boolean> {
  if (source.size < 4) return false;
  const [first, second, third, fourth] = await source.read(0, 4);
  return first === 0x50 && second === 0x4b && third === 3 && fourth === 4;
}

/** An archive in a record. One that is damaged has its pickle first, as any has that torch wrote. */
async function nestedTraces(source: ByteSource, allowance: Allowance, depth: number): Promise<RecordTrace[]> {
  try {
    return await archiveTraces(await Archive.open(source), allowance, depth);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return [...limitTraces('', error), ...(await firstRecordTraces(source))];
  }
}

/** The pickle of an archive whose directory is lost, or does not list it. */
export async function firstRecordTraces(
  source: ByteSource,
  known: ReadonlySet<string> = new Set(),
): Promise<RecordTrace[]> {
  const first = await firstRecord(source);
  if (!first || known.has(first.name.toLowerCase()) || first.method !== METHOD_STORED) return [];
  return stacked(source, first.dataOffset, first.name, 1);
}

/** Of an archive of torch.save the storages are none of the records to be searched. */
async function archiveTraces(archive: Archive, allowance: Allowance, depth: number): Promise<RecordTrace[]> {
  const known = new Set<number>();
  const traces: RecordTrace[] = [];
  const content = archive.content('data.pkl');
  const pickle = archive.find('data.pkl');
  if (content && pickle !== undefined && (isRange(content) || segmentLength(content) <= LONGEST_RECORD)) {
    known.add(pickle);
    const { trace, persistents, limit } = await decodeOrTrace(await pickleSource(content));
    if (trace) traces.push({ record: 'data.pkl', trace });
    if (limit !== undefined) traces.push(unsearched('data.pkl', limit));
    for (const persistent of persistents) {
      const stored = archive.find(`data/${storageIdOf(persistent)?.key}`);
      if (stored !== undefined) known.add(stored);
    }
    if (trace) traces.push(...(await sweepBehind(content, trace.length, 'data.pkl')));
  }
  return [...traces, ...(await sweepRecords(archive, known, allowance, depth))];
}

/** What stands in a record behind the pickle that torch reads from it. */
export async function sweepBehind(content: Segment, length: number, record: string): Promise<RecordTrace[]> {
  if (length === 0 || content.length <= length || !isRange(content)) return [];
  return stacked(new SubSource(content.source, content.offset, content.length), length, record);
}

/** The bytes of a record whatever its flags say: bytes that are said to be encrypted and are not, other readers take as they are. */
export function plainContent(source: ByteSource, entry: ZipEntry, offset: number): Segment | undefined {
  try {
    return entryContent(source, { ...entry, flags: 0 }, offset);
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}
