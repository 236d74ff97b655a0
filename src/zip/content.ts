import type { ByteSource, SourceRange } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import type { Segment } from '../io/segment.ts';
import {
  FLAG_ENCRYPTED,
  FLAG_MASKED_DIRECTORY,
  FLAG_STRONG_ENCRYPTION,
  METHOD_DEFLATED,
  METHOD_STORED,
} from './constants.ts';
import type { EntryTable, ZipEntry } from './entry-table.ts';

/** Bits of entries whose content is encrypted. */
const FLAGS_ENCRYPTED = FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_MASKED_DIRECTORY;

/**
 * The content of an entry as a segment: the range in the file where it is stored, inflated while read where it is deflated.
 *
 * @throws UnreadableError `unsupported` for encrypted content and for methods that torch doesn't read either.
 */
export function entryContent(source: ByteSource, entry: ZipEntry, dataOffset: number): Segment {
  if ((entry.flags & FLAGS_ENCRYPTED) !== 0) {
    throw new UnreadableError(
      'unsupported',
      `record '${entry.name}' is encrypted, which torch can't read either; unpack the archive with its password`,
      entry.headerOffset,
      'zip/encrypted',
    );
  }
  const range: SourceRange = { source, offset: dataOffset, length: entry.storedSize };
  if (entry.method === METHOD_STORED) return range;
  if (entry.method === METHOD_DEFLATED) return { deflated: range, length: entry.size };
  throw new UnreadableError(
    'unsupported',
    `record '${entry.name}' is compressed by method ${entry.method}, but torch reads only stored (0) and deflated (8); ` +
      'unpack the archive and zip its folder again with zip -0',
    entry.headerOffset,
    'zip/compressed-record',
  );
}

/** The same of entry `index` of a table; of what torch writes no entry has to be made. */
export function contentInTable(
  source: ByteSource,
  table: EntryTable,
  index: number,
  dataOffset: number,
): Segment {
  if (table.methods[index] !== METHOD_STORED || ((table.flags[index] as number) & FLAGS_ENCRYPTED) !== 0)
    return entryContent(source, table.entry(index), dataOffset);
  return { source, offset: inPlace(dataOffset), length: inPlace(table.storedSizes[index] as number) };
}

/**
 * The same number, as V8 keeps it within the object that holds it, where it can: what comes out of an array of doubles is an object of
 * its own otherwise, and a hundred thousand records have several of them.
 */
function inPlace(number: number): number {
  const whole = number | 0;
  return whole === number ? whole : number;
}
