import type { ArchiveFacts } from '../checkpoint/checkpoint.ts';
import { readSegment } from '../io/segment.ts';
import type { Archive } from './archive.ts';
import { archiveOddities } from './archive-oddities.ts';

/** A record whose text is one number or word; what is longer is none of torch's, and its start tells enough. */
const LONGEST_TEXT = 256;
/** CRC-32 of the texts that torch writes, so that an honest archive costs no read here. */
const KNOWN_TEXTS: ReadonlyMap<number, string> = new Map([
  [0x55679ed1, '3\n'],
  [0x4c7caf90, '2\n'],
  [0x19e33d85, 'little'],
  [0xd3fbe249, 'big'],
  [0xe971773f, '64'],
]);

/** What the small records of torch's archives say to a loader. */
export async function archiveFacts(archive: Archive): Promise<ArchiveFacts> {
  const [version, byteOrder, alignment, oddities] = await Promise.all([
    // torch.package and torch.export write it into `.data`, and torch's reader looks there first
    textOf(archive, archive.has('.data/version') ? '.data/version' : 'version'),
    textOf(archive, 'byteorder'),
    textOf(archive, '.storage_alignment'),
    archiveOddities(archive.source, archive),
  ]);
  const { headerFaults, distinctNames } = archive;
  return { version, byteOrder, alignment: numberIn(alignment), headerFaults, distinctNames, oddities };
}

/** A power of two in any archive of torch's; what is none can't be computed with. */
function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined;
}

/** The text of a record, or its start; undefined where there is no such record. */
async function textOf(archive: Archive, record: string): Promise<string | undefined> {
  const entry = archive.entry(record);
  const content = archive.content(record);
  if (!entry || !content) return undefined;
  const known = KNOWN_TEXTS.get(entry.crc32);
  if (known?.length === entry.size) return known;
  if (content.length > LONGEST_TEXT && !('source' in content)) return '';
  const head = 'source' in content ? { ...content, length: Math.min(content.length, LONGEST_TEXT) } : content;
  return Buffer.from(await readSegment(head, LONGEST_TEXT)).toString('latin1');
}
