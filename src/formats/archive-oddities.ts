import type { ArchiveOddity } from '../checkpoint/checkpoint.ts';
import { type ByteSource, SubSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import { readSegment } from '../io/segment.ts';
import { type Claims, claimBytes, type Stretch } from '../zip/claims.ts';
import { METHOD_STORED } from '../zip/constants.ts';
import { readDirectory, type ZipDirectory } from '../zip/directory.ts';
import { locateData } from '../zip/locate-data.ts';
import { LONGEST_UNDO_RECORD, parseUndoRecord, UNDO_RECORD } from './undo-record.ts';

/** Fixes in place that are looked through, each an archive inside the next. */
const MOST_FIXES = 16;

/** How the name of the record ends that a fix in place has left. */
const UNDO_NAME = `/${UNDO_RECORD}`;

/** What is to be known of an archive: its directory, and where the content of each entry starts. */
export interface Located {
  readonly directory: ZipDirectory;
  readonly offsets: Float64Array;
}

/** What in an archive another reader than torch may take for something else, or no reader takes for anything. */
export async function archiveOddities(source: ByteSource, located: Located): Promise<ArchiveOddity[]> {
  const { directory } = located;
  const { gaps, trailer, overlaps } = await claimsOf(source, located, 0);
  return [
    ...directory.end.rivals.map((offset) => ({
      kind: 'second-directory' as const,
      what: 'an end record that other readers take instead, with another directory',
      offset,
      end: source.size,
    })),
    ...overlaps.map(({ entry, other, offset }) => ({
      kind: 'overlap' as const,
      what: other ? `the record '${other.name}'` : 'the directory of the archive',
      record: entry.name,
      offset,
    })),
    ...directory.oddities.map(({ entry, kind, what }) => ({
      kind,
      what,
      record: entry.name,
      offset: entry.headerOffset,
    })),
    ...gaps.map((gap) => unclaimed(gap, 'between the records')),
    ...(trailer ? [unclaimed(trailer, 'behind the end record')] : []),
    ...commentOf(directory),
  ];
}

function unclaimed({ start, end }: Stretch, where: string): ArchiveOddity {
  return { kind: 'unclaimed', what: `${end - start} bytes ${where}`, offset: start, end };
}

/** A comment is a place like any other to hide something; by itself it is nothing to speak of. */
function commentOf({ end: { offset, commentLength } }: ZipDirectory): ArchiveOddity[] {
  if (commentLength === 0) return [];
  const start = offset + 22;
  return [
    {
      kind: 'comment',
      what: `a comment of ${commentLength} bytes`,
      offset: start,
      end: start + commentLength,
    },
  ];
}

async function claimsOf(source: ByteSource, { directory, offsets }: Located, depth: number): Promise<Claims> {
  const known = depth < MOST_FIXES ? await replacedBytes(source, { directory, offsets }, depth) : [];
  return claimBytes(source, directory, offsets, known);
}

/** What a fix in place has left behind is an archive of its own: its bytes are no gap but where they were one before. */
async function replacedBytes(source: ByteSource, located: Located, depth: number): Promise<Stretch[]> {
  const before = await archiveBeforeFix(source, located);
  if (!before) return [];
  const { gaps, trailer } = await claimsOf(before.source, before, depth + 1);
  const known: Stretch[] = [];
  let start = 0;
  for (const gap of trailer ? [...gaps, trailer] : gaps) {
    known.push({ start, end: gap.start });
    start = gap.end;
  }
  return [...known, { start, end: before.source.size }];
}

/** The archive that a file was before it was fixed in place; undefined where it was not, or that can't be read. */
export async function archiveBeforeFix(
  source: ByteSource,
  { directory, offsets }: Located,
): Promise<(Located & { readonly source: ByteSource }) | undefined> {
  const { table } = directory;
  let index = table.length - 1;
  while (index >= 0 && !table.endsWith(index, UNDO_NAME)) index--;
  const size = table.sizes[index] ?? Number.POSITIVE_INFINITY;
  if (size > LONGEST_UNDO_RECORD || table.methods[index] !== METHOD_STORED) return undefined;
  try {
    const range = { source, offset: offsets[index] as number, length: size };
    const text = Buffer.from(await readSegment(range, LONGEST_UNDO_RECORD)).toString('latin1');
    const length = parseUndoRecord(text)?.origin.length;
    if (length === undefined || length >= source.size) return undefined;
    const before = new SubSource(source, 0, length);
    const old = await readDirectory(before);
    return { source: before, directory: old, offsets: await locateData(before, old) };
  } catch (error) {
    if (error instanceof UnreadableError) return undefined;
    throw error;
  }
}
