import type { ByteSource } from '../io/byte-source.ts';
import { checkDeadline } from '../io/deadline.ts';
import type { RecordTrace } from '../pickle/trace.ts';
import { contentTraces } from './sweep-records.ts';
import type { TarMember } from './tar-directory.ts';

/** The traces of the files of a tar archive, as far as they are pickles, or archives that hold some. */
export async function sweepMembers(
  source: ByteSource,
  members: readonly TarMember[],
): Promise<RecordTrace[]> {
  const traces: RecordTrace[] = [];
  for (const { name, offset, size } of members) {
    checkDeadline();
    if (size > 0) traces.push(...(await contentTraces({ source, offset, length: size }, name)));
  }
  return traces;
}
