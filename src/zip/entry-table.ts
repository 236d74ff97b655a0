import { DIRECTORY_ENTRY_BYTES, SENTINEL_32, ZIP64_EXTRA } from './constants.ts';
import { decimalInBytes } from './decimal.ts';
import { readUInt64 } from './end-record.ts';
import { extraField } from './extra-field.ts';
import { decodeForeignName, isAscii } from './record-name.ts';

/** A record as the directory describes it; the content's own place is found by `locateData`. */
export interface ZipEntry {
  /** With the root folder, as the archive spells it. */
  readonly name: string;
  /** Bytes of the name in the file. */
  readonly nameLength: number;
  readonly flags: number;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc32: number;
  /** Bytes that the content takes in the file. */
  readonly storedSize: number;
  /** Bytes of the content; the same as `storedSize` where it is stored. */
  readonly size: number;
  /** Offset of the local header. */
  readonly headerOffset: number;
}

/** Names that are read one by one: the archive's own records are few, and the rest are numbers. */
const FEW_NAMES = 64;

/**
 * The entries of a directory by their numbers, a column for each field: a hundred thousand objects would be a third of the work of
 * opening an archive, and most entries are asked for two of their numbers alone. A name is cut out of the directory's bytes when it
 * is asked for.
 */
export class EntryTable {
  readonly length: number;
  readonly nameLengths: Uint16Array;
  readonly flags: Uint16Array;
  readonly methods: Uint16Array;
  readonly crc32s: Uint32Array;
  readonly storedSizes: Float64Array;
  readonly sizes: Float64Array;
  readonly headerOffsets: Float64Array;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  /** Where in the bytes the names begin. */
  readonly #nameStarts: Uint32Array;
  /** Names that are not spelled in the bytes, one ASCII character a byte. */
  #foreignNames: Map<number, string> | undefined;
  /** The bytes, one character each, once so many names were asked for that it is the quicker way to have them. */
  #text: string | undefined;
  #asked = 0;
  #entries: readonly ZipEntry[] | undefined;

  /**
   * @param bytes Of the directory.
   * @param length Number of entries, which `read` is to fill in.
   */
  constructor(bytes: Buffer, length: number) {
    this.length = length;
    this.nameLengths = new Uint16Array(length);
    this.flags = new Uint16Array(length);
    this.methods = new Uint16Array(length);
    this.crc32s = new Uint32Array(length);
    this.storedSizes = new Float64Array(length);
    this.sizes = new Float64Array(length);
    this.headerOffsets = new Float64Array(length);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#nameStarts = new Uint32Array(length);
  }

  /** A table of entries that were found without a directory. */
  static of(entries: readonly ZipEntry[]): EntryTable {
    const table = new EntryTable(Buffer.alloc(0), entries.length);
    for (const [index, entry] of entries.entries()) {
      table.nameLengths[index] = entry.nameLength;
      table.flags[index] = entry.flags;
      table.methods[index] = entry.method;
      table.crc32s[index] = entry.crc32;
      table.storedSizes[index] = entry.storedSize;
      table.sizes[index] = entry.size;
      table.headerOffsets[index] = entry.headerOffset;
      table.#noteName(index, entry.name);
    }
    return table;
  }

  /** Takes entry `index` from the bytes at `at`, where all of it is; false where a number stands in a zip64 field that isn't there. */
  read(index: number, at: number): boolean {
    const view = this.#view;
    const nameStart = at + DIRECTORY_ENTRY_BYTES;
    const nameLength = view.getUint16(at + 28, true);
    const storedSize = view.getUint32(at + 20, true);
    const size = view.getUint32(at + 24, true);
    const headerOffset = view.getUint32(at + 42, true);
    this.nameLengths[index] = nameLength;
    this.flags[index] = view.getUint16(at + 8, true);
    this.methods[index] = view.getUint16(at + 10, true);
    this.crc32s[index] = view.getUint32(at + 16, true);
    this.storedSizes[index] = storedSize;
    this.sizes[index] = size;
    this.headerOffsets[index] = headerOffset;
    this.#nameStarts[index] = nameStart;
    if (!isAscii(view, nameStart, nameStart + nameLength)) {
      const name = this.#bytes.subarray(nameStart, nameStart + nameLength);
      this.#noteName(index, decodeForeignName(name));
    }
    const isWide = storedSize === SENTINEL_32 || size === SENTINEL_32 || headerOffset === SENTINEL_32;
    return !isWide || this.#readWide(index, nameStart + nameLength, view.getUint16(at + 30, true));
  }

  /** The zip64 field holds only the numbers that the entry has no room for, in this order. */
  #readWide(index: number, start: number, length: number): boolean {
    const wide = extraField(this.#bytes, start, length, ZIP64_EXTRA);
    let field = 0;
    for (const column of [this.sizes, this.storedSizes, this.headerOffsets]) {
      if (column[index] !== SENTINEL_32) continue;
      if (wide.length < 8 * (field + 1)) return false;
      column[index] = readUInt64(wide, 8 * field++);
    }
    return true;
  }

  name(index: number): string {
    return this.nameBehind(index, 0);
  }

  /** Characters of a name. */
  nameSize(index: number): number {
    return this.#foreignName(index)?.length ?? (this.nameLengths[index] as number);
  }

  /** A name without its first characters. */
  nameBehind(index: number, skipped: number): string {
    const foreign = this.#foreignName(index);
    if (foreign !== undefined) return foreign.slice(skipped);
    const start = (this.#nameStarts[index] as number) + skipped;
    const end = start - skipped + (this.nameLengths[index] as number);
    if (this.#text === undefined && this.#asked++ < FEW_NAMES)
      return this.#bytes.toString('latin1', start, end);
    this.#text ??= this.#bytes.toString('latin1');
    return this.#text.slice(start, end);
  }

  /** Whether a name has bytes of another kind than ASCII, or stands nowhere in the directory. */
  isForeign(index: number): boolean {
    return this.#foreignName(index) !== undefined;
  }

  startsWith(index: number, start: string): boolean {
    const foreign = this.#foreignName(index);
    if (foreign !== undefined) return foreign.startsWith(start);
    return start.length <= (this.nameLengths[index] as number) && this.#has(start, index, 0);
  }

  endsWith(index: number, end: string): boolean {
    const foreign = this.#foreignName(index);
    if (foreign !== undefined) return foreign.endsWith(end);
    const before = (this.nameLengths[index] as number) - end.length;
    return before >= 0 && this.#has(end, index, before);
  }

  /**
   * The number that a name spells behind `start`, as Python's `str` would; -1 for any other name, and for numbers of more than
   * seven digits.
   */
  decimalBehind(index: number, start: string): number {
    if (this.isForeign(index)) return -1;
    const name = this.#nameStarts[index] as number;
    const number = decimalInBytes(
      this.#bytes,
      name + start.length,
      name + (this.nameLengths[index] as number),
    );
    return number >= 0 && this.#has(start, index, 0) ? number : -1;
  }

  entry(index: number): ZipEntry {
    return {
      name: this.name(index),
      nameLength: this.nameLengths[index] as number,
      flags: this.flags[index] as number,
      method: this.methods[index] as number,
      crc32: this.crc32s[index] as number,
      storedSize: this.storedSizes[index] as number,
      size: this.sizes[index] as number,
      headerOffset: this.headerOffsets[index] as number,
    };
  }

  /** All of them, for who goes through an archive that is not large or not honest. */
  get entries(): readonly ZipEntry[] {
    this.#entries ??= Array.from({ length: this.length }, (_, index) => this.entry(index));
    return this.#entries;
  }

  #foreignName(index: number): string | undefined {
    return this.#foreignNames?.get(index);
  }

  #noteName(index: number, name: string): void {
    this.#foreignNames ??= new Map();
    this.#foreignNames.set(index, name);
  }

  /** Whether `text` stands in the bytes of a name, from its character `from` on. */
  #has(text: string, index: number, from: number): boolean {
    const bytes = this.#bytes;
    const start = (this.#nameStarts[index] as number) + from;
    for (let at = 0; at < text.length; at++) if (bytes[start + at] !== text.charCodeAt(at)) return false;
    return true;
  }
}
