import type { ByteSource } from '../io/byte-source.ts';
import { RefusedError } from '../io/errors.ts';
import { DIRECTORY_ENTRY_BYTES } from './constants.ts';
import type { ZipDirectory } from './directory.ts';
import type { ZipEntry } from './entry-table.ts';
import { type ArchiveLayout, layoutArchive, type OutputRecord } from './layout.ts';

/** What an archive shall hold after it has grown. */
export interface Growth {
  /** The folder that all its records stand in. */
  readonly root: string;
  /** New records. They take the place of old ones of the same name. */
  readonly records: readonly OutputRecord[];
  /** Whether an old record stays; asked by its name without the root folder, for records inside of it. */
  readonly keeps: (name: string) => boolean;
}

export interface GrownArchive {
  readonly layout: ArchiveLayout;
  /** Old records outside the root folder: torch takes no archive with such, so the new directory leaves them out. */
  readonly outside: number;
  /** Old records behind another of the same name: readers disagree about which of them counts. */
  readonly repeated: number;
}

/**
 * Lays out what is written behind the end of an archive so that it holds other records: these, and a new directory that lists them
 * and the old ones that stay. Not a byte of the old archive changes, so cutting the file where it ended gives it back; and until the
 * new end is written, readers find the old one.
 *
 * Names are compared as torch does, without regard to case; no two entries of the new directory have the same.
 *
 * @param directory As it was read from `source`, which is the whole file.
 * @throws RefusedError for a folder whose name is not UTF-8, and for what the format can't hold; UnreadableError where the directory
 * can't be read again.
 */
export async function growArchive(
  source: ByteSource,
  directory: ZipDirectory,
  { root, records, keeps }: Growth,
): Promise<GrownArchive> {
  const { directoryOffset, directorySize } = directory.end;
  const bytes = await source.read(directoryOffset, directorySize);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const prefix = `${root}/`;
  const taken = new Set(records.map(({ name }) => (prefix + name).toLowerCase()));
  const replaced = new Set(taken);
  const kept: Uint8Array[] = [];
  let outside = 0;
  let repeated = 0;
  let at = 0;
  for (const entry of directory.entries) {
    const start = at;
    at += entryLength(view, at);
    const name = entry.name.toLowerCase();
    if (!entry.name.startsWith(prefix)) outside++;
    else if (!isUtf8(entry)) throw foreignName(entry);
    else if (replaced.has(name) || !keeps(entry.name.slice(prefix.length))) continue;
    else if (taken.has(name)) repeated++;
    else {
      taken.add(name);
      kept.push(bytes.subarray(start, at));
    }
  }
  const layout = layoutArchive(root, records, {
    start: source.size,
    kept: { bytes: Buffer.concat(kept), count: kept.length },
  });
  return { layout, outside, repeated };
}

/** Bytes of a directory entry with its name, extra fields and comment; `readDirectory` has seen that they are there. */
function entryLength(view: DataView, at: number): number {
  const variable = [28, 30, 32].reduce((sum, field) => sum + view.getUint16(at + field, true), 0);
  return DIRECTORY_ENTRY_BYTES + variable;
}

/** Whether the name, written again, gives the bytes that it was read from. */
function isUtf8({ name, nameLength }: ZipEntry): boolean {
  return Buffer.byteLength(name) === nameLength;
}

function foreignName({ name }: ZipEntry): RefusedError {
  return new RefusedError(
    `record '${name}' has a name that is not UTF-8, so nothing can be put beside it under the same folder; write a copy instead`,
  );
}
