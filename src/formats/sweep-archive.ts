import type { ArchiveOddity } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';
import { isBytes, isRange } from '../io/segment.ts';
import type { DecodedPickle } from '../pickle/decoder.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import type { Archive } from './archive.ts';
import { sweepOddities } from './sweep-oddities.ts';
import { sweepBehind, sweepRecords } from './sweep-records.ts';

/** What the reader of an archive has read of it. */
export interface ReadRecords {
  /** The pickles whose traces are known. */
  readonly pickles?: readonly { readonly name: string; readonly pickle: DecodedPickle }[];
  /** Records that were read in another way, or opened as files of their own. */
  readonly others?: readonly string[];
  /** Their bytes are numbers: no loader takes them for a pickle, and by chance they may look like one. */
  readonly storages?: readonly Storage[];
}

/**
 * What stands in an archive for other readers than its own: behind the pickles, in records that nothing refers to, and between records.
 * @param archive Rooted at the folder in which the names that were read stand.
 */
export async function sweepArchive(
  archive: Archive,
  { pickles = [], others = [], storages = [] }: ReadRecords,
  oddities: readonly ArchiveOddity[],
): Promise<RecordTrace[]> {
  const traces: RecordTrace[] = [];
  const known = new Set(entriesOf(archive, storages));
  for (const { name, pickle } of pickles) {
    const content = archive.content(name);
    if (content) traces.push(...(await sweepBehind(content, pickle.length, name)));
  }
  for (const name of [...pickles.map((each) => each.name), ...others]) {
    const index = archive.find(name);
    if (index !== undefined) known.add(index);
  }
  traces.push(...(await sweepRecords(archive, known)));
  traces.push(...(await sweepOddities(archive, oddities)));
  return traces;
}

/** Numbers of the entries that storages stand in. */
function* entriesOf({ offsets }: Archive, storages: readonly Storage[]): Generator<number> {
  const places = new Set<number>();
  for (const { content } of storages) {
    if (!content || isBytes(content)) continue;
    if (isRange(content)) places.add(content.offset);
    else if ('deflated' in content) places.add(content.deflated.offset);
  }
  // of several records at one place one is the storage
  for (const [index, offset] of offsets.entries()) if (places.delete(offset)) yield index;
}
