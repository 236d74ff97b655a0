import type { ArchiveRecord } from '../checkpoint/checkpoint.ts';
import { printable } from './wording.ts';

/** `outside`: a program that unpacks the archive would write elsewhere. `odd`: programs disagree on what file it is. */
export interface NameFault {
  readonly weight: 'outside' | 'odd';
  /** As the end of a sentence: `climbs out of its folder`. */
  readonly what: string;
}

/** No file system takes a longer name of a file. */
const LONGEST_PART = 255;
/** Names that Windows keeps for devices, whatever their extension. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/** What is wrong with the name of a record, without the folder that all records stand in; undefined for what writers write. */
function nameFault({ name }: Pick<ArchiveRecord, 'name'>): NameFault | undefined {
  const parts = name.split(/[\\/]/);
  if (parts.includes('..')) return { weight: 'outside', what: 'climbs out of its folder' };
  if (/^([\\/]|[A-Za-z]:)/.test(name)) return { weight: 'outside', what: 'is an absolute path' };
  if (/[\x00-\x1f\x7f]/.test(name)) return { weight: 'odd', what: 'holds control characters' };
  if (name.includes('\\')) return { weight: 'odd', what: 'has backslashes, which are slashes on Windows' };
  if (parts.slice(0, -1).some((part) => part === '' || part === '.') || parts.at(-1) === '.')
    return { weight: 'odd', what: 'has empty parts or dots for folders' };
  if (parts.some((part) => DEVICES.test(part)))
    return { weight: 'odd', what: 'is that of a device on Windows' };
  if (parts.some((part) => part.length > LONGEST_PART))
    return { weight: 'odd', what: 'is longer than any file may be called' };
  return undefined;
}

/** The records with names of one kind of fault, as they may stand in a message. */
export function namesWithFault(
  records: readonly ArchiveRecord[],
  weight: NameFault['weight'],
): { readonly name: string; readonly what: string }[] {
  const found: { name: string; what: string }[] = [];
  for (const record of records) {
    const fault = nameFault(record);
    if (fault?.weight === weight) found.push({ name: printable(record.name), what: fault.what });
  }
  return found;
}
