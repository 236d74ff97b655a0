import type { ArchiveRecord, HeaderFault } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import type { Segment } from '../io/segment.ts';
import { METHOD_STORED } from '../zip/constants.ts';
import { contentInTable } from '../zip/content.ts';
import { directoryOf, readDirectory, type ZipDirectory } from '../zip/directory.ts';
import { EntryTable, type ZipEntry } from '../zip/entry-table.ts';
import { locateData } from '../zip/locate-data.ts';
import { RecordIndex } from './record-index.ts';

/** Up to so many records all local headers are looked at: torch reads them, and one that is damaged keeps it from the record. */
const FEW = 64;

/** A zip archive as torch's reader sees it: records under one root folder, found by name without regard to case. */
export class Archive {
  readonly source: ByteSource;
  /** The folder that the records stand in; empty where they stand in none. */
  readonly root: string;
  readonly directory: ZipDirectory;
  /** Where the content of each entry starts in the file, in the order of the directory. */
  readonly offsets: Float64Array;
  /** Among the local headers that were read. */
  readonly headerFaults: readonly HeaderFault[];
  readonly #index: RecordIndex;

  private constructor(
    source: ByteSource,
    directory: ZipDirectory,
    offsets: Float64Array,
    headerFaults: readonly HeaderFault[],
    root = rootOf(directory.table),
  ) {
    this.source = source;
    this.root = root;
    this.directory = directory;
    this.headerFaults = headerFaults;
    this.offsets = offsets;
    this.#index = new RecordIndex(directory.table, root);
  }

  /** All entries, for who goes through an archive that is no large checkpoint. */
  get entries(): readonly ZipEntry[] {
    return this.directory.entries;
  }

  get table(): EntryTable {
    return this.directory.table;
  }

  /**
   * @param everyHeader Read each local header, however many there are: whoever copies bytes must know where they begin.
   * @throws UnreadableError for an archive that is cut short or damaged.
   */
  static async open(source: ByteSource, everyHeader = false): Promise<Archive> {
    const directory = await readDirectory(source);
    const { length } = directory.table;
    if (length === 0) {
      throw new UnreadableError(
        'bad-archive',
        'zip archive holds no records: the save did not get to write any; save it again',
        undefined,
        'zip/missing-record',
      );
    }
    const faults: HeaderFault[] = [];
    const offsets = await locateData(source, directory, {
      // the pickle decides everything, so it is read where its own header says
      exact: isPickle,
      all: everyHeader || length <= FEW,
      onFault: (entry, fault) => faults.push({ record: entry.name, fault }),
    });
    return new Archive(source, directory, offsets, faults);
  }

  /**
   * An archive whose records were found without its directory.
   * @param offsets Of the contents, in the order of the entries.
   */
  static recovered(source: ByteSource, entries: readonly ZipEntry[], offsets: Float64Array): Archive {
    return new Archive(source, lostDirectory(source, entries, offsets), offsets, []);
  }

  /** The same archive, its records told from another folder: the one that its own reader would take. */
  rootedAt(root: string): Archive {
    return new Archive(this.source, this.directory, this.offsets, this.headerFaults, root);
  }

  /** How many names the directory has, as torch compares them: fewer than entries where one stands twice. */
  get distinctNames(): number {
    return this.#index.size;
  }

  /** Number of the entry of a record. */
  find(record: string): number | undefined {
    return this.#index.find(record);
  }

  /** Number of the entry of the record `data/<key>`. */
  findStorage(key: string): number | undefined {
    return this.#index.findStorage(key);
  }

  has(record: string): boolean {
    return this.find(record) !== undefined;
  }

  entry(record: string): ZipEntry | undefined {
    const index = this.find(record);
    return index === undefined ? undefined : this.table.entry(index);
  }

  /** Where a record's content stands in the file. */
  dataOffset(record: string): number | undefined {
    const index = this.find(record);
    return index === undefined ? undefined : this.offsets[index];
  }

  /** A record's content; undefined where there is no such record. @throws UnreadableError for one that is encrypted or oddly compressed. */
  content(record: string): Segment | undefined {
    const index = this.find(record);
    return index === undefined ? undefined : this.contentAt(index);
  }

  /** The content of an entry by its number. Same errors as `content`. */
  contentAt(index: number): Segment {
    return contentInTable(this.source, this.table, index, this.offsets[index] as number);
  }

  /** The entries that are no folders, as files of an archive around others. Same errors as `content`. */
  files(): { readonly name: string; readonly content: Segment }[] {
    return this.entries.flatMap(({ name }, index) =>
      name.endsWith('/') ? [] : [{ name, content: this.contentAt(index) }],
    );
  }

  /** The directory as the rules and reports see it. */
  records(): ArchiveRecord[] {
    const seen = this.#seen();
    const records = new Array<ArchiveRecord>(this.table.length);
    for (let index = 0; index < records.length; index++) records[index] = new EntryRecord(seen, index);
    return records;
  }

  /** The records that are anything else than a stored `data/17` with a CRC-32: a handful of a hundred thousand. */
  unusualRecords(): ArchiveRecord[] {
    const { methods, sizes, crc32s, length } = this.table;
    const seen = this.#seen();
    const { unnumbered } = this.#index;
    const unusual: ArchiveRecord[] = [];
    for (let index = 0, next = 0; index < length; index++) {
      const isUnnumbered = unnumbered[next] === index;
      if (isUnnumbered) next++;
      const isUnsummed = crc32s[index] === 0 && (sizes[index] as number) > 0;
      if (isUnnumbered || isUnsummed || methods[index] !== METHOD_STORED)
        unusual.push(new EntryRecord(seen, index));
    }
    return unusual;
  }

  #seen(): SeenArchive {
    return { table: this.table, offsets: this.offsets, prefix: this.root === '' ? '' : `${this.root}/` };
  }
}

/** What the records of an archive are views of. */
interface SeenArchive {
  readonly table: EntryTable;
  readonly offsets: Float64Array;
  /** The root folder, with a slash. */
  readonly prefix: string;
}

/** An entry as a record; a view, because a hundred thousand copies would be a tenth of all memory. */
class EntryRecord implements ArchiveRecord {
  readonly #archive: SeenArchive;
  readonly #index: number;

  constructor(archive: SeenArchive, index: number) {
    this.#archive = archive;
    this.#index = index;
  }

  get name(): string {
    const { table, prefix } = this.#archive;
    return table.nameBehind(this.#index, this.outsideRoot ? 0 : prefix.length);
  }

  get outsideRoot(): boolean {
    const { table, prefix } = this.#archive;
    return !table.startsWith(this.#index, prefix);
  }

  get size(): number {
    return this.#archive.table.sizes[this.#index] as number;
  }

  get storedSize(): number {
    return this.#archive.table.storedSizes[this.#index] as number;
  }

  get method(): number {
    return this.#archive.table.methods[this.#index] as number;
  }

  get crc32(): number {
    return this.#archive.table.crc32s[this.#index] as number;
  }

  get dataOffset(): number {
    return this.#archive.offsets[this.#index] as number;
  }
}

/** Of the many names that are none of a pickle the last letter is enough. */
function isPickle(index: number, table: EntryTable): boolean {
  if (!table.endsWith(index, 'l') && !table.endsWith(index, 'L')) return false;
  return table.name(index).toLowerCase().endsWith('.pkl');
}

/**
 * torch's reader takes the text before the first slash of directory entry 0. Where that folder holds no `data.pkl`, the folder that
 * does is taken: a re-zipped archive is to be healed, not refused.
 */
function rootOf(table: EntryTable): string {
  const first = table.name(0);
  const root = first.includes('/') ? first.slice(0, first.indexOf('/')) : '';
  const wanted = (root === '' ? 'data.pkl' : `${root}/data.pkl`).toLowerCase();
  let other: string | undefined;
  for (let index = 0; index < table.length; index++) {
    if (!isPickle(index, table)) continue;
    const name = table.name(index);
    if (name.toLowerCase() === wanted) return root;
    if (/(^|\/)data\.pkl$/i.test(name)) other ??= name;
  }
  return other === undefined ? root : other.slice(0, Math.max(0, other.length - 'data.pkl'.length - 1));
}

/** What follows the last record that was found counts as the directory. */
function lostDirectory(
  source: ByteSource,
  entries: readonly ZipEntry[],
  offsets: Float64Array,
): ZipDirectory {
  const directoryOffset = entries.reduce(
    (end, { storedSize }, index) => Math.max(end, (offsets[index] as number) + storedSize),
    0,
  );
  const end = {
    entries: entries.length,
    directoryOffset,
    directorySize: source.size - directoryOffset,
    offset: source.size,
    zip64Offset: undefined,
    disk: 0,
    commentLength: 0,
    rivals: [],
  };
  return directoryOf(EntryTable.of(entries), [], end, 0);
}
