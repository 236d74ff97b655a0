import type { ArchiveRecord, HeaderFault } from '../checkpoint/checkpoint.ts';
import type { ByteSource } from '../io/byte-source.ts';
import { UnreadableError } from '../io/errors.ts';
import type { Segment } from '../io/segment.ts';
import { entryContent } from '../zip/content.ts';
import { readDirectory, type ZipDirectory, type ZipEntry } from '../zip/directory.ts';
import { locateData } from '../zip/locate-data.ts';
import { RecordIndex } from './record-index.ts';

/** Up to so many records all local headers are looked at: torch reads them, and one that is damaged keeps it from the record. */
const FEW = 64;

/** A record, and where its content stands. */
export interface FoundRecord {
  readonly entry: ZipEntry;
  readonly content: Segment;
  readonly dataOffset: number;
}

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
    root = rootOf(directory.entries),
  ) {
    this.source = source;
    this.root = root;
    this.directory = directory;
    this.headerFaults = headerFaults;
    this.offsets = offsets;
    this.#index = new RecordIndex(directory.entries, root);
  }

  get entries(): readonly ZipEntry[] {
    return this.directory.entries;
  }

  /**
   * @param everyHeader Read each local header, however many there are: whoever copies bytes must know where they begin.
   * @throws UnreadableError for an archive that is cut short or damaged.
   */
  static async open(source: ByteSource, everyHeader = false): Promise<Archive> {
    const directory = await readDirectory(source);
    const { entries } = directory;
    if (entries.length === 0) {
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
      exact: (entry) => entry.name.toLowerCase().endsWith('.pkl'),
      all: everyHeader || entries.length <= FEW,
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

  has(record: string): boolean {
    return this.#index.find(record) !== undefined;
  }

  entry(record: string): ZipEntry | undefined {
    const index = this.#index.find(record);
    return index === undefined ? undefined : this.entries[index];
  }

  /** Where a record's content stands in the file. */
  dataOffset(record: string): number | undefined {
    const index = this.#index.find(record);
    return index === undefined ? undefined : this.offsets[index];
  }

  /** A record's content; undefined where there is no such record. @throws UnreadableError for one that is encrypted or oddly compressed. */
  content(record: string): Segment | undefined {
    return this.#found(this.#index.find(record))?.content;
  }

  /** The record `data/<key>` with its content, at one look-up. Same errors as `content`. */
  storage(key: string): FoundRecord | undefined {
    return this.#found(this.#index.findStorage(key));
  }

  #found(index: number | undefined): FoundRecord | undefined {
    if (index === undefined) return undefined;
    const entry = this.entries[index] as ZipEntry;
    const dataOffset = this.offsets[index] as number;
    return { entry, dataOffset, content: entryContent(this.source, entry, dataOffset) };
  }

  /** The entries that are no folders, as files of an archive around others. Same errors as `content`. */
  files(): { readonly name: string; readonly content: Segment }[] {
    return this.entries.flatMap((entry, index) =>
      entry.name.endsWith('/')
        ? []
        : [
            {
              name: entry.name,
              content: entryContent(this.source, entry, this.offsets[index] as number),
            },
          ],
    );
  }

  /** The directory as the rules and reports see it. */
  records(): ArchiveRecord[] {
    const prefix = this.root === '' ? '' : `${this.root}/`;
    return this.entries.map((entry, index) => new EntryRecord(entry, prefix, this.offsets[index] as number));
  }
}

/** An entry as a record; a view, because a hundred thousand copies would be a tenth of all memory. */
class EntryRecord implements ArchiveRecord {
  readonly #entry: ZipEntry;
  /** Of the root folder, with a slash. */
  readonly #prefix: string;
  readonly dataOffset: number;

  constructor(entry: ZipEntry, prefix: string, dataOffset: number) {
    this.#entry = entry;
    this.#prefix = prefix;
    this.dataOffset = dataOffset;
  }

  get name(): string {
    const { name } = this.#entry;
    return this.outsideRoot ? name : name.slice(this.#prefix.length);
  }

  get outsideRoot(): boolean {
    return !this.#entry.name.startsWith(this.#prefix);
  }

  get size(): number {
    return this.#entry.size;
  }

  get storedSize(): number {
    return this.#entry.storedSize;
  }

  get method(): number {
    return this.#entry.method;
  }

  get crc32(): number {
    return this.#entry.crc32;
  }
}

/**
 * torch's reader takes the text before the first slash of directory entry 0. Where that folder holds no `data.pkl`, the folder that
 * does is taken: a re-zipped archive is to be healed, not refused.
 */
function rootOf(entries: readonly ZipEntry[]): string {
  const first = (entries[0] as ZipEntry).name;
  const root = first.includes('/') ? first.slice(0, first.indexOf('/')) : '';
  const wanted = (root === '' ? 'data.pkl' : `${root}/data.pkl`).toLowerCase();
  if (entries.some((entry) => entry.name.toLowerCase() === wanted)) return root;
  const other = entries.find((entry) => /(^|\/)data\.pkl$/i.test(entry.name))?.name;
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
  return { entries, oddities: [], end, unusedBytes: 0 };
}
