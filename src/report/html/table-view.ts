import type { PageData } from '../page-data.ts';
import { grouped } from '../terminal/numbers.ts';
import { choice, el, section } from './dom.ts';
import { type ColumnSet, columnsOf, type ShownColumn } from './table-columns.ts';
import { type Column, matching, sorted } from './table-rows.ts';

/** Rows beyond the window that are drawn, so that a fast hand meets no empty ones. */
const SPARE = 12;
const COLUMN_SETS: readonly (readonly [ColumnSet, string])[] = [
  ['numbers', 'Numbers'],
  ['storage', 'Storage'],
];
/** Rows that go to paper; a book of them helps nobody. */
const MOST_PRINTED = 2000;

/** The tensors, of which only the rows in the window are drawn. */
export class TableView {
  readonly element: HTMLElement;
  readonly #data: PageData;
  readonly #texts: readonly string[];
  readonly #showTensor: (tensor: number) => void;
  readonly #search = el('input', {
    type: 'search',
    id: 'search',
    class: 'search',
    placeholder: 'Search: attn weight float16 …',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-label': 'Search tensors by name, dtype, shape, device or part',
  });
  readonly #count = el('output', { class: 'count', for: 'search' });
  readonly #heads = new Map<Column, HTMLElement>();
  readonly #body = el('div', { class: 'rows', role: 'rowgroup' });
  readonly #head = el('div', { class: 'row head', role: 'row', 'aria-rowindex': 1 });
  readonly #window = el('div', { class: 'window', tabindex: 0, role: 'grid', 'aria-label': 'Tensors' });
  #columns: readonly ShownColumn[] = [];
  #rows: number[] = [];
  #column: Column = 'order';
  #descending = false;
  #printing = false;
  /** First row and number of rows that are drawn. */
  #drawn = '';
  /** The row that keys have come to. */
  #current = -1;

  /**
   * @param texts As `searchTexts` makes them.
   * @param showTensor Shows a tensor in the map.
   */
  constructor(data: PageData, texts: readonly string[], showTensor: (tensor: number) => void) {
    this.#data = data;
    this.#texts = texts;
    this.#showTensor = showTensor;
    this.#window.append(el('div', { role: 'rowgroup', class: 'heads' }, this.#head), this.#body);
    const set: ColumnSet = data.numbers ? 'numbers' : 'storage';
    const sets = choice('Columns', COLUMN_SETS, set, (chosen) => this.#setColumns(chosen));
    this.element = section(
      'tensors',
      'Tensors',
      el('div', { class: 'bar' }, this.#search, this.#count, data.numbers ? sets : undefined),
      this.#window,
    );
    this.#search.addEventListener('input', () => this.#choose());
    this.#window.addEventListener('scroll', () => this.#draw(), { passive: true });
    this.#body.addEventListener('click', (event) => {
      const row = event.target instanceof Element ? event.target.closest<HTMLElement>('.row') : null;
      if (row?.dataset.tensor && !getSelection()?.toString()) this.#showTensor(Number(row.dataset.tensor));
    });
    this.#window.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(this.#window);
    addEventListener('beforeprint', () => this.#print(true));
    addEventListener('afterprint', () => this.#print(false));
    this.#setColumns(set);
  }

  /** Searches, as if the words had been typed. */
  search(words: string): void {
    this.#search.value = words;
    this.#choose();
    this.element.scrollIntoView({ block: 'start' });
    this.#search.focus({ preventScroll: true });
  }

  #setColumns(set: ColumnSet): void {
    this.#columns = columnsOf(this.#data, set);
    this.#window.dataset.columns = set;
    this.#heads.clear();
    this.#head.replaceChildren(...this.#columns.map((column) => this.#headCell(column)));
    // who sorts by what is no longer seen would wonder
    if (!this.#columns.some(({ column }) => column === this.#column)) this.#column = 'order';
    this.#tellOrder();
    this.#choose();
  }

  #headCell({ column, label, isNumber }: ShownColumn): HTMLElement {
    const isSortable = column !== 'spread';
    const cell = el(
      'div',
      {
        role: 'columnheader',
        class: `cell ${column}${isNumber ? ' figure' : ''}`,
        'aria-sort': isSortable ? 'none' : undefined,
      },
      isSortable
        ? el('button', { type: 'button', onclick: () => this.#sort(column, isNumber) }, label)
        : el('span', {}, label),
    );
    if (isSortable) this.#heads.set(column, cell);
    return cell;
  }

  /** Down for numbers first, up for names first, then the other way, then as in the file. */
  #sort(column: Column, first: boolean): void {
    if (this.#column !== column) [this.#column, this.#descending] = [column, first];
    else if (this.#descending === first) this.#descending = !first;
    else [this.#column, this.#descending] = ['order', false];
    this.#tellOrder();
    this.#choose();
  }

  #tellOrder(): void {
    const order = this.#descending ? 'descending' : 'ascending';
    for (const [each, cell] of this.#heads)
      cell.setAttribute('aria-sort', each === this.#column ? order : 'none');
  }

  /** Arrows go from row to row, Enter shows the tensor. */
  #key(event: KeyboardEvent): void {
    // the buttons of the head have keys of their own
    if (event.target !== this.#window) return;
    const { height, first } = this.#place();
    const page = Math.max(1, Math.floor(this.#window.clientHeight / height) - 2);
    const start = this.#current < 0 ? first - 1 : this.#current;
    const next: Readonly<Record<string, number>> = {
      ArrowDown: start + 1,
      ArrowUp: start - 1,
      PageDown: start + page,
      PageUp: start - page,
      Home: 0,
      End: this.#rows.length - 1,
    };
    const tensor = this.#rows[this.#current];
    if (event.key === 'Enter' && tensor !== undefined) this.#showTensor(tensor);
    const row = next[event.key];
    if (row === undefined || this.#rows.length === 0) return;
    event.preventDefault();
    this.#current = Math.min(this.#rows.length - 1, Math.max(0, row));
    const top = this.#current * height;
    const room = this.#window.clientHeight - this.#head.offsetHeight;
    if (top < this.#window.scrollTop) this.#window.scrollTop = top;
    else if (top + height > this.#window.scrollTop + room) this.#window.scrollTop = top + height - room;
    this.#drawn = '';
    this.#draw();
    this.#window.setAttribute('aria-activedescendant', `row-${this.#current}`);
  }

  #choose(): void {
    const rows = matching(this.#texts, this.#search.value);
    this.#rows = sorted(rows, this.#column, this.#descending, this.#data);
    const all = this.#texts.length;
    this.#count.textContent =
      rows.length === all ? grouped(all) : `${grouped(rows.length)} of ${grouped(all)}`;
    this.#window.setAttribute('aria-rowcount', String(rows.length + 1));
    this.#window.scrollTop = 0;
    this.#current = -1;
    this.#window.removeAttribute('aria-activedescendant');
    this.#drawn = '';
    this.#draw();
  }

  #print(printing: boolean): void {
    this.#printing = printing;
    this.#drawn = '';
    this.#draw();
  }

  /** Pixels of a row, and the first of which something is seen. */
  #place(): { readonly height: number; readonly first: number } {
    const height = Number.parseFloat(getComputedStyle(this.#window).getPropertyValue('--row'));
    return { height, first: Math.floor(this.#window.scrollTop / height) };
  }

  #draw(): void {
    const { height, first: top } = this.#place();
    const shown = Math.ceil(this.#window.clientHeight / height) + 2 * SPARE;
    const first = this.#printing ? 0 : Math.max(0, top - SPARE);
    const until = this.#printing ? Math.min(MOST_PRINTED, this.#rows.length) : first + shown;
    const drawn = `${first} ${until} ${height}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#body.style.height = this.#printing ? 'auto' : `${this.#rows.length * height}px`;
    const rows = this.#rows
      .slice(first, until)
      .map((tensor, index) => this.#row(tensor, first + index, height));
    if (rows.length === 0) rows.push(el('p', { class: 'empty' }, 'No tensor matches.'));
    if (this.#printing && this.#rows.length > until)
      rows.push(el('p', { class: 'empty' }, `… ${grouped(this.#rows.length - until)} more`));
    this.#body.replaceChildren(...rows);
  }

  #row(tensor: number, index: number, height: number): HTMLElement {
    const note = this.#data.tensors.note[tensor] ?? '';
    const classes = ['row', index % 2 === 0 ? 'even' : '', index === this.#current ? 'current' : ''];
    const row = el(
      'div',
      {
        role: 'row',
        id: `row-${index}`,
        class: classes.filter((each) => each !== '').join(' '),
        'aria-rowindex': index + 2,
        'aria-selected': index === this.#current ? 'true' : undefined,
        'data-tensor': tensor,
      },
      ...this.#columns.map(({ column, label, isNumber, cell, isGrave }) => {
        const shown = cell(tensor);
        const isName = column === 'name';
        return el(
          'div',
          {
            role: 'gridcell',
            class: `cell ${column}${isNumber ? ' figure' : ''}${isGrave?.(tensor) ? ' grave' : ''}`,
            title: isName && typeof shown === 'string' ? shown : undefined,
            'data-label': label,
          },
          typeof shown === 'string' ? el('span', {}, shown) : shown,
          isName && note !== '' ? el('small', {}, note) : undefined,
        );
      }),
    );
    if (!this.#printing) row.style.top = `${index * height}px`;
    return row;
  }
}
