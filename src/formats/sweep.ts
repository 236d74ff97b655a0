import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import { findEndRecord, readTail } from '../zip/end-record.ts';
import { Archive } from './archive.ts';
import { archiveOddities } from './archive-oddities.ts';
import { detect } from './detect.ts';
import { noted, stacked } from './stacked.ts';
import { sweepMembers } from './sweep-members.ts';
import { sweepOddities, sweepStretch } from './sweep-oddities.ts';
import { firstRecordTraces, sweepRecords } from './sweep-records.ts';
import { readTarDirectory } from './tar-directory.ts';

/**
 * What loaders would do with the pickles of a file that could not be opened: a file is no less hostile for being damaged. Nothing
 * that goes wrong here is told; the error that brought us here is.
 */
export async function sweepFile(source: ByteSource): Promise<RecordTrace[]> {
  const traces = await stacked(source, 0, '');
  const known = new Set<string>();
  try {
    if ((await detect(source)) === 'tar') {
      const members = await readTarDirectory(source);
      return [...traces, ...(await sweepMembers(source, members))];
    }
    const archive = await Archive.open(source);
    for (const { name } of archive.entries) known.add(name.toLowerCase());
    traces.push(...(await sweepRecords(archive)));
    traces.push(...(await sweepOddities(archive, await archiveOddities(source, archive))));
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
  }
  // torch writes the pickle first: where the directory is lost it is still there
  return [...traces, ...(await firstRecordTraces(source, known))];
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
