import type { PageData } from '../page-data.ts';
import { bytesText, countText, grouped } from '../terminal/numbers.ts';
import { el, section } from './dom.ts';
import { type Column, matching, searchTexts, shapeText, sorted } from './table-rows.ts';

const COLUMNS: readonly (readonly [Column, string])[] = [
  ['name', 'Tensor'],
  ['dtype', 'Dtype'],
  ['shape', 'Shape'],
  ['elements', 'Elements'],
  ['bytes', 'Size'],
  ['location', 'Device'],
  ['part', 'Part'],
];
/** Rows beyond the window that are drawn, so that a fast hand meets no empty ones. */
const SPARE = 12;
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
    placeholder: 'Search: attn weight float16 …',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-label': 'Search tensors by name, dtype, shape, device or part',
  });
  readonly #count = el('output', { class: 'count', for: 'search' });
  readonly #heads = new Map<Column, HTMLElement>();
  readonly #body = el('div', { class: 'rows', role: 'rowgroup' });
  readonly #window = el('div', { class: 'window', tabindex: 0, role: 'table', 'aria-label': 'Tensors' });
  #rows: number[] = [];
  #column: Column = 'order';
  #descending = false;
  #printing = false;
  /** First row and number of rows that are drawn. */
  #drawn = '';

  /** @param showTensor Shows a tensor in the map. */
  constructor(data: PageData, showTensor: (tensor: number) => void) {
    this.#data = data;
    this.#texts = searchTexts(data);
    this.#showTensor = showTensor;
    const head = el(
      'div',
      { class: 'row head', role: 'row' },
      ...COLUMNS.map(([column, label]) => this.#head(column, label)),
    );
    this.#window.append(el('div', { role: 'rowgroup', class: 'heads' }, head), this.#body);
    this.element = section(
      'tensors',
      'Tensors',
      el('div', { class: 'bar' }, this.#search, this.#count),
      this.#window,
    );
    this.#search.addEventListener('input', () => this.#choose());
    this.#window.addEventListener('scroll', () => this.#draw(), { passive: true });
    this.#body.addEventListener('click', (event) => {
      const row = event.target instanceof Element ? event.target.closest<HTMLElement>('.row') : null;
      if (row?.dataset.tensor && !getSelection()?.toString()) this.#showTensor(Number(row.dataset.tensor));
    });
    new ResizeObserver(() => this.#draw()).observe(this.#window);
    addEventListener('beforeprint', () => this.#print(true));
    addEventListener('afterprint', () => this.#print(false));
    this.#choose();
  }

  /** Searches, as if the words had been typed. */
  search(words: string): void {
    this.#search.value = words;
    this.#choose();
    this.element.scrollIntoView({ block: 'start' });
    this.#search.focus({ preventScroll: true });
  }

  #head(column: Column, label: string): HTMLElement {
    const cell = el(
      'div',
      { role: 'columnheader', class: `cell ${column}`, 'aria-sort': 'none' },
      el('button', { type: 'button', onclick: () => this.#sort(column) }, label),
    );
    this.#heads.set(column, cell);
    return cell;
  }

  /** Down for numbers first, up for names first, then the other way, then as in the file. */
  #sort(column: Column): void {
    const first = column === 'elements' || column === 'bytes';
    if (this.#column !== column) [this.#column, this.#descending] = [column, first];
    else if (this.#descending === first) this.#descending = !first;
    else [this.#column, this.#descending] = ['order', false];
    for (const [each, cell] of this.#heads) {
      const order = this.#descending ? 'descending' : 'ascending';
      cell.setAttribute('aria-sort', each === this.#column ? order : 'none');
    }
    this.#choose();
  }

  #choose(): void {
    const rows = matching(this.#texts, this.#search.value);
    this.#rows = sorted(rows, this.#column, this.#descending, this.#data);
    const all = this.#texts.length;
    this.#count.textContent =
      rows.length === all ? grouped(all) : `${grouped(rows.length)} of ${grouped(all)}`;
    this.#window.setAttribute('aria-rowcount', String(rows.length + 1));
    this.#window.scrollTop = 0;
    this.#drawn = '';
    this.#draw();
  }

  #print(printing: boolean): void {
    this.#printing = printing;
    this.#drawn = '';
    this.#draw();
  }

  #draw(): void {
    const height = Number.parseFloat(getComputedStyle(this.#window).getPropertyValue('--row'));
    const shown = Math.ceil(this.#window.clientHeight / height) + 2 * SPARE;
    const first = this.#printing ? 0 : Math.max(0, Math.floor(this.#window.scrollTop / height) - SPARE);
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
    const { tensors, dtypes, locations, parts } = this.#data;
    const note = tensors.note[tensor] ?? '';
    const cell = (column: Column, text: string, ...more: Node[]) =>
      el(
        'div',
        { role: 'cell', class: `cell ${column}`, title: column === 'name' ? text : undefined },
        el('span', {}, text),
        ...more,
      );
    const row = el(
      'div',
      {
        role: 'row',
        class: index % 2 === 0 ? 'row even' : 'row',
        'aria-rowindex': index + 2,
        'data-tensor': tensor,
      },
      cell('name', tensors.name[tensor] ?? '', ...(note === '' ? [] : [el('small', {}, note)])),
      cell('dtype', dtypes[tensors.dtype[tensor] ?? -1]?.name ?? ''),
      cell('shape', shapeText(tensors.shape[tensor] ?? [])),
      cell('elements', countText(tensors.elements[tensor] ?? 0)),
      cell('bytes', bytesText(tensors.bytes[tensor] ?? 0)),
      cell('location', locations[tensors.location[tensor] ?? -1]?.name ?? ''),
      cell('part', parts[tensors.part[tensor] ?? -1]?.name ?? ''),
    );
    if (!this.#printing) row.style.top = `${index * height}px`;
    return row;
  }
}
