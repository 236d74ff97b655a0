import type { ZipEntry } from '../zip/directory.ts';
import { KeyTable } from './key-table.ts';

/** Folder of the storages. */
const STORAGES = 'data/';

/**
 * Finds records under a root folder by their names, without regard to case, as torch does; of two with one name it takes the first.
 */
export class RecordIndex {
  /** In lower case, with a slash at its end unless it is empty. */
  readonly #root: string;
  /** By the names under `<root>/data/`. */
  readonly #storages: KeyTable<number>;
  /** All others, by the whole name. */
  readonly #others = new Map<string, number>();

  constructor(entries: readonly ZipEntry[], root: string) {
    const folder = root === '' ? '' : `${root}/`;
    const spelled = folder + STORAGES;
    this.#root = folder.toLowerCase();
    this.#storages = new KeyTable(entries.length);
    for (let index = 0; index < entries.length; index++) {
      const { name } = entries[index] as ZipEntry;
      if (name.startsWith(spelled)) this.#addStorage(name.slice(spelled.length), index);
      else this.#add(name.toLowerCase(), index);
    }
  }

  /** How many names there are: fewer than entries where one stands twice. */
  get size(): number {
    return this.#storages.size + this.#others.size;
  }

  /** Index of the entry of a record, which is named without the root folder. */
  find(record: string): number | undefined {
    if (record.startsWith(STORAGES)) return this.findStorage(record.slice(STORAGES.length));
    const name = record.toLowerCase();
    if (name.startsWith(STORAGES)) return this.findStorage(name.slice(STORAGES.length));
    return this.#others.get(this.#root + name);
  }

  /** Index of the entry of the record `data/<key>`. */
  findStorage(key: string): number | undefined {
    return this.#storages.get(key.toLowerCase());
  }

  #add(name: string, index: number): void {
    const folder = this.#root + STORAGES;
    if (name.startsWith(folder)) this.#addStorage(name.slice(folder.length), index);
    else if (!this.#others.has(name)) this.#others.set(name, index);
  }

  #addStorage(key: string, index: number): void {
    const name = key.toLowerCase();
    if (this.#storages.get(name) === undefined) this.#storages.set(name, index);
  }
}
