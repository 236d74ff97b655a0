import { decimalIn } from '../zip/decimal.ts';
import type { EntryTable } from '../zip/entry-table.ts';

/** Folder of the storages. */
const STORAGES = 'data/';
const NONE = -1;

/**
 * Finds records under a root folder by their names, without regard to case, as torch does; of two with one name it takes the first.
 * torch numbers its storages from 0, and a hundred thousand of them are told apart by their numbers, without a name for each.
 */
export class RecordIndex {
  /** In lower case, with a slash at its end unless it is empty. */
  readonly #root: string;
  /** Entries under `<root>/data/` that are called by a number, at that number. */
  readonly #numbered: Int32Array;
  /** Other names under `<root>/data/`. */
  readonly #named = new Map<string, number>();
  /** All others, by the whole name. */
  readonly #others = new Map<string, number>();
  /** Entries that are called anything else than `<root>/data/` and a number, in the order of the directory. */
  readonly unnumbered: readonly number[];
  #size = 0;

  constructor(table: EntryTable, root: string) {
    const folder = root === '' ? '' : `${root}/`;
    const spelled = folder + STORAGES;
    this.#root = folder.toLowerCase();
    this.#numbered = new Int32Array(2 * table.length).fill(NONE);
    const unnumbered: number[] = [];
    for (let index = 0; index < table.length; index++) {
      const number = table.decimalBehind(index, spelled);
      if (number >= 0 && number < this.#numbered.length) this.#addNumber(number, index);
      else {
        unnumbered.push(index);
        this.#add(table.name(index), spelled, index);
      }
    }
    this.unnumbered = unnumbered;
  }

  /** How many names there are: fewer than entries where one stands twice. */
  get size(): number {
    return this.#size;
  }

  /** Number of the entry of a record, which is named without the root folder. */
  find(record: string): number | undefined {
    if (record.startsWith(STORAGES)) return this.findStorage(record.slice(STORAGES.length));
    const name = record.toLowerCase();
    if (name.startsWith(STORAGES)) return this.findStorage(name.slice(STORAGES.length));
    return this.#others.get(this.#root + name);
  }

  /** Number of the entry of the record `data/<key>`. */
  findStorage(key: string): number | undefined {
    const number = decimalIn(key);
    if (number < 0 || number >= this.#numbered.length) return this.#named.get(key.toLowerCase());
    const index = this.#numbered[number] as number;
    return index === NONE ? undefined : index;
  }

  #add(name: string, spelled: string, index: number): void {
    const lower = name.toLowerCase();
    const folder = this.#root + STORAGES;
    if (name.startsWith(spelled)) this.#addStorage(name.slice(spelled.length).toLowerCase(), index);
    else if (lower.startsWith(folder)) this.#addStorage(lower.slice(folder.length), index);
    else this.#addName(this.#others, lower, index);
  }

  #addStorage(key: string, index: number): void {
    const number = decimalIn(key);
    if (number >= 0 && number < this.#numbered.length) this.#addNumber(number, index);
    else this.#addName(this.#named, key, index);
  }

  #addNumber(number: number, index: number): void {
    if (this.#numbered[number] !== NONE) return;
    this.#numbered[number] = index;
    this.#size++;
  }

  #addName(names: Map<string, number>, name: string, index: number): void {
    if (names.has(name)) return;
    names.set(name, index);
    this.#size++;
  }
}
