import type { NumberColumns, PageData } from '../page-data.ts';
import { counted, grouped, shareText } from '../terminal/numbers.ts';
import { el, section, svg } from './dom.ts';
import { bandsOf, type Kind, type Layer, layersOf, type Mark } from './layers.ts';
import { LayersPlot, layerFacts, MARKS, markShape } from './layers-plot.ts';
import { NumbersPanel } from './numbers-panel.ts';
import { matching } from './table-rows.ts';
import { Tip } from './tip.ts';

const KIND_NAMES: Readonly<Record<Kind, string>> = {
  matrix: 'two dimensions or more',
  vector: 'one dimension',
};
const MARK_NAMES: Readonly<Record<Mark, string>> = { nan: 'NaN', inf: 'Inf', zero: 'all zero' };
/** Layers that Page Up and Page Down pass. */
const PAGE = 10;

/** Deviation and range of every tensor in the order of the model, and the histogram of the one that was chosen. */
export class LayersView {
  readonly element: HTMLElement;
  readonly #data: PageData;
  readonly #numbers: NumberColumns;
  readonly #texts: readonly string[];
  readonly #all: readonly Layer[];
  readonly #showTensor: (tensor: number) => void;
  readonly #search = el('input', {
    type: 'search',
    class: 'search',
    placeholder: 'Only: attn weight …',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-label': 'Search tensors to plot by name, dtype, shape, device or part',
  });
  readonly #count = el('output', { class: 'count' });
  readonly #plotted = el('div', {
    class: 'plot',
    role: 'slider',
    tabindex: 0,
    'aria-label': 'Tensor in the plot',
    'aria-orientation': 'horizontal',
    'aria-valuemin': 1,
  });
  readonly #tip = new Tip();
  readonly #told = el('p', { class: 'told' });
  readonly #legend = el('ul', { class: 'legend' });
  readonly #panel: NumbersPanel;
  readonly #parts = el('select', { 'aria-label': 'Part to plot', onchange: () => this.#filter() });
  readonly #hidden = new Set<Kind>();
  #layers: readonly Layer[] = [];
  #plot: LayersPlot | undefined;
  #chosen = 0;
  #width = 0;

  /** @param showTensor Shows a tensor in the map. */
  constructor(
    data: PageData,
    numbers: NumberColumns,
    texts: readonly string[],
    showTensor: (tensor: number) => void,
  ) {
    this.#data = data;
    this.#numbers = numbers;
    this.#texts = texts;
    this.#all = layersOf(data, numbers);
    this.#showTensor = showTensor;
    this.#panel = new NumbersPanel(data, numbers);
    this.element = section(
      'layers',
      'Layer by layer',
      numbers.sampled
        ? el('p', { class: 'lead' }, 'From a sample: of large tensors a megabyte was looked at.')
        : undefined,
      el('div', { class: 'bar' }, this.#search, this.#fillParts(), this.#count),
      this.#plotted,
      this.#tip.element,
      this.#legend,
      this.#told,
      this.#panel.element,
    );
    this.#search.addEventListener('input', () => this.#filter());
    this.#listen();
    new ResizeObserver(([entry]) => {
      this.#width = entry?.contentRect.width ?? 0;
      this.#draw();
    }).observe(this.#plotted);
    this.#filter();
  }

  /** Goes to a tensor, where it is plotted. */
  choose(tensor: number): void {
    const index = this.#layers.findIndex((layer) => layer.tensor === tensor);
    if (index >= 0) this.#choose(index);
  }

  /** The parts that have layers; moving averages and optimizers repeat what the model has. Nothing where there is one alone. */
  #fillParts(): HTMLElement | undefined {
    const { parts, tensors } = this.#data;
    const held = [...new Set(this.#all.map(({ tensor }) => tensors.part[tensor] ?? -1))].sort(
      (a, b) => a - b,
    );
    const option = (part: number, text: string) =>
      el('option', { value: part, selected: parts[part]?.name === 'model' }, text);
    this.#parts.append(
      el('option', { value: '' }, 'all parts'),
      ...held.map((part) => option(part, parts[part]?.name ?? 'no part')),
    );
    return held.length > 1 ? this.#parts : undefined;
  }

  #listen(): void {
    this.#plotted.addEventListener('pointermove', (event) => {
      const layer = this.#layerAt(event);
      if (layer === undefined) return;
      this.#plot?.point('pointed', layer);
      this.#tip.show(event, ...this.#describe(this.#layers[layer] as Layer));
    });
    this.#plotted.addEventListener('pointerleave', () => {
      this.#plot?.point('pointed', undefined);
      this.#tip.hide();
    });
    this.#plotted.addEventListener('click', (event) => {
      const layer = this.#layerAt(event);
      if (layer !== undefined) this.#choose(layer);
    });
    this.#plotted.addEventListener('keydown', (event) => {
      const last = this.#layers.length - 1;
      const next: Readonly<Record<string, number>> = {
        ArrowRight: this.#chosen + 1,
        ArrowUp: this.#chosen + 1,
        ArrowLeft: this.#chosen - 1,
        ArrowDown: this.#chosen - 1,
        PageUp: this.#chosen + PAGE,
        PageDown: this.#chosen - PAGE,
        Home: 0,
        End: last,
      };
      const layer = this.#layers[this.#chosen];
      if (event.key === 'Enter' && layer) this.#showTensor(layer.tensor);
      const index = next[event.key];
      if (index === undefined) return;
      event.preventDefault();
      this.#choose(Math.min(last, Math.max(0, index)));
    });
  }

  #layerAt(event: MouseEvent): number | undefined {
    const { left, top } = this.#plotted.getBoundingClientRect();
    return this.#plot?.at(event.clientX - left, event.clientY - top);
  }

  /** What the search and the legend leave; the chosen tensor stays chosen where it is among them. */
  #filter(): void {
    const chosen = this.#layers[this.#chosen]?.tensor;
    const found = new Set(matching(this.#texts, this.#search.value));
    const part = this.#parts.value;
    this.#layers = this.#all.filter(
      ({ tensor, kind }) =>
        found.has(tensor) &&
        !this.#hidden.has(kind) &&
        (part === '' || this.#data.tensors.part[tensor] === Number(part)),
    );
    const all = this.#all.length;
    const shown = this.#layers.length;
    this.#count.textContent = shown === all ? grouped(all) : `${grouped(shown)} of ${grouped(all)}`;
    this.#plotted.setAttribute('aria-valuemax', String(Math.max(1, shown)));
    const still = this.#layers.findIndex(({ tensor }) => tensor === chosen);
    const flawed = MARKS.map((mark) => this.#layers.findIndex((layer) => layer.mark === mark));
    const gravest = flawed.find((index) => index >= 0) ?? 0;
    this.#draw();
    this.#drawLegend();
    this.#choose(still >= 0 ? still : gravest);
  }

  #draw(): void {
    if (this.#width === 0) return;
    if (this.#layers.length === 0) {
      this.#plot = undefined;
      this.#plotted.replaceChildren(el('p', { class: 'empty' }, 'No tensor matches.'));
      return;
    }
    const names = this.#layers.map(({ tensor }) => this.#data.tensors.name[tensor] ?? '');
    this.#plot = new LayersPlot(this.#layers, bandsOf(names), this.#width);
    this.#plot.point('chosen', this.#chosen);
    this.#plotted.replaceChildren(this.#plot.element);
  }

  #choose(index: number): void {
    this.#chosen = index;
    const layer = this.#layers[index];
    this.#panel.element.hidden = layer === undefined;
    this.#told.replaceChildren();
    if (!layer) {
      for (const name of ['aria-valuenow', 'aria-valuetext']) this.#plotted.removeAttribute(name);
      return;
    }
    const name = this.#data.tensors.name[layer.tensor] ?? '';
    this.#plot?.point('chosen', index);
    this.#plotted.setAttribute('aria-valuenow', String(index + 1));
    this.#plotted.setAttribute(
      'aria-valuetext',
      [name, ...layerFacts(layer), ...this.#flaws(layer)].join(', '),
    );
    this.#told.replaceChildren(
      ...this.#describe(layer),
      el(
        'button',
        { type: 'button', class: 'link', onclick: () => this.#showTensor(layer.tensor) },
        'show in the map',
      ),
    );
    this.#panel.show([layer.tensor], name);
  }

  #describe(layer: Layer): Node[] {
    return [
      el('strong', {}, this.#data.tensors.name[layer.tensor] ?? ''),
      ...layerFacts(layer).map((fact) => el('span', {}, fact)),
      ...this.#flaws(layer).map((flaw) => el('span', { class: 'flaw' }, flaw)),
    ];
  }

  #flaws({ tensor, mark }: Layer): string[] {
    const { nan, infinite, zeros, count } = this.#numbers;
    const told: string[] = [];
    if (nan[tensor]) told.push(`${grouped(nan[tensor])} NaN`);
    if (infinite[tensor]) told.push(`${grouped(infinite[tensor])} Inf`);
    if (mark === 'zero') told.push('all zero');
    else if (zeros[tensor]) told.push(`zeros ${shareText(zeros[tensor], count[tensor] ?? 0)}`);
    return told;
  }

  /** Kinds that can be left out, and marks that lead to the next tensor that has them. */
  #drawLegend(): void {
    const kinds = (Object.keys(KIND_NAMES) as Kind[]).filter((kind) =>
      this.#all.some((layer) => layer.kind === kind),
    );
    const marks = MARKS.map((mark) => ({
      mark,
      count: this.#layers.filter((layer) => layer.mark === mark).length,
    }));
    const focused =
      document.activeElement instanceof HTMLElement ? document.activeElement.dataset.kind : undefined;
    this.#legend.replaceChildren(
      ...kinds.map((kind) => el('li', {}, this.#kindButton(kind))),
      ...marks
        .filter(({ count }) => count > 0)
        .map(({ mark, count }) => el('li', {}, this.#markButton(mark, count))),
    );
    if (focused) this.#legend.querySelector<HTMLElement>(`[data-kind=${focused}]`)?.focus();
  }

  #kindButton(kind: Kind): HTMLElement {
    const swatch = el('span', { class: `swatch ${kind}` });
    const toggle = () => {
      if (!this.#hidden.delete(kind)) this.#hidden.add(kind);
      this.#filter();
    };
    return el(
      'button',
      { type: 'button', 'data-kind': kind, 'aria-pressed': String(!this.#hidden.has(kind)), onclick: toggle },
      swatch,
      KIND_NAMES[kind],
    );
  }

  #markButton(mark: Mark, count: number): HTMLElement {
    const next = () => {
      const after = this.#layers.findIndex((layer, index) => index > this.#chosen && layer.mark === mark);
      this.#choose(after >= 0 ? after : this.#layers.findIndex((layer) => layer.mark === mark));
    };
    const picture = svg('svg', { width: 12, height: 12, 'aria-hidden': 'true' }, markShape(mark, [6], 6));
    return el(
      'button',
      { type: 'button', 'data-mark': mark, title: 'go to the next', onclick: next },
      picture,
      MARK_NAMES[mark],
      el('small', {}, counted(count, 'tensor')),
    );
  }
}
