import type { PageData } from '../page-data.ts';
import { bytesText, counted } from '../terminal/numbers.ts';
import { type Mode, Painter } from './colours.ts';
import { choice, el, section } from './dom.ts';
import { type ModuleNode, moduleOf, moduleTree, pathTo, tensorsIn } from './module-tree.ts';
import { NumbersPanel } from './numbers-panel.ts';
import { shapeText } from './table-rows.ts';
import { Tip } from './tip.ts';
import { layTiles, neighbour, type Tile } from './treemap-layout.ts';

const MODES: readonly (readonly [Mode, string])[] = [
  ['dtype', 'Dtype'],
  ['location', 'Device'],
  ['part', 'Part'],
  ['waste', 'Waste'],
];
const ARROWS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'];
/** Narrower tiles have no room for words. */
const LABEL = { width: 34, height: 15 };

/** The map of bytes: modules in modules, of which each can fill the map. */
export class TreemapView {
  readonly element: HTMLElement;
  readonly #data: PageData;
  readonly #painter: Painter;
  readonly #root: ModuleNode;
  readonly #listTensors: (module: string) => void;
  readonly #map = el('div', { class: 'map', role: 'group', 'aria-label': 'Map of bytes by module' });
  readonly #trail = el('nav', { class: 'trail', 'aria-label': 'Module that fills the map' });
  readonly #legend = el('ul', { class: 'legend' });
  readonly #told = el('p', { class: 'told', 'aria-live': 'polite' });
  readonly #tip = new Tip();
  readonly #panel: NumbersPanel | undefined;
  #zoomed: ModuleNode;
  /** Whose numbers stand below the map. */
  #shown: ModuleNode | undefined;
  #mode: Mode = 'dtype';
  #tiles: Tile[] = [];
  #buttons = new Map<Tile, HTMLElement>();

  /** @param listTensors Shows the tensors of a module in the table. */
  constructor(data: PageData, listTensors: (module: string) => void) {
    this.#data = data;
    this.#painter = new Painter(data);
    this.#root = moduleTree(data.tensors);
    this.#zoomed = this.#root;
    this.#listTensors = listTensors;
    this.#mode = firstMode(data);
    if (data.numbers) this.#panel = new NumbersPanel(data, data.numbers);
    this.element = section(
      'map',
      'Where the bytes are',
      el(
        'div',
        { class: 'bar' },
        this.#trail,
        choice('Colour by', MODES, this.#mode, (mode) => {
          this.#mode = mode;
          this.#draw();
        }),
      ),
      this.#map,
      this.#tip.element,
      this.#told,
      this.#legend,
      this.#panel?.element,
    );
    this.#listen();
    new ResizeObserver(() => this.#draw()).observe(this.#map);
    this.#draw();
  }

  /** Fills the map with the module that holds a tensor, and goes to its tile. */
  show(tensor: number): void {
    this.#zoom(moduleOf(this.#root, tensor));
    this.element.scrollIntoView({ block: 'start' });
    const tile = this.#tiles.find(({ node }) => node.tensor === tensor);
    if (tile) this.#focus(tile);
    // it may be too small for a tile
    const leaf = this.#zoomed.children.find((child) => child.tensor === tensor);
    if (leaf) this.#tell(leaf);
  }

  #listen(): void {
    this.#map.addEventListener('click', (event) => {
      const tile = this.#tileAt(event.target);
      if (tile) this.#enter(tile);
    });
    this.#map.addEventListener('keydown', (event) => {
      const tile = this.#tileAt(event.target);
      if (ARROWS.includes(event.key) && tile) {
        const next = neighbour(this.#tiles, tile, event.key);
        if (next) this.#focus(next);
        event.preventDefault();
      } else if ((event.key === 'Escape' || event.key === 'Backspace') && this.#zoomed.parent) {
        this.#zoom(this.#zoomed.parent);
        if (this.#tiles[0]) this.#focus(this.#tiles[0]);
        event.preventDefault();
      }
    });
    this.#map.addEventListener('focusin', (event) => {
      const tile = this.#tileAt(event.target);
      if (tile) this.#tell(tile.node);
    });
    this.#map.addEventListener('pointermove', (event) => {
      const tile = this.#tileAt(event.target);
      if (tile) this.#tip.show(event, ...this.#describe(tile.node));
      else this.#tip.hide();
    });
    this.#map.addEventListener('pointerleave', () => this.#tip.hide());
  }

  #tileAt(target: EventTarget | null): Tile | undefined {
    const button = target instanceof Element ? target.closest<HTMLElement>('.tile') : null;
    return button ? this.#tiles[Number(button.dataset.index)] : undefined;
  }

  /** A module fills the map; a tensor is told of. */
  #enter({ node }: Tile): void {
    if (node.tensor !== undefined) {
      this.#tell(node);
      return;
    }
    this.#zoom(node);
    if (this.#tiles[0]) this.#focus(this.#tiles[0]);
    this.#tell(node);
  }

  #zoom(module: ModuleNode): void {
    this.#zoomed = module;
    this.#tip.hide();
    this.#draw();
  }

  #focus(tile: Tile): void {
    for (const button of this.#buttons.values()) button.tabIndex = -1;
    const button = this.#buttons.get(tile);
    if (!button) return;
    button.tabIndex = 0;
    button.focus({ preventScroll: true });
  }

  #draw(): void {
    const { clientWidth, clientHeight } = this.#map;
    if (clientWidth === 0) return;
    this.#tiles = layTiles(this.#zoomed, clientWidth, clientHeight);
    this.#buttons = new Map(this.#tiles.map((tile, index) => [tile, this.#tile(tile, index)]));
    this.#map.replaceChildren(
      ...(this.#tiles.length > 0
        ? this.#buttons.values()
        : [el('p', { class: 'empty' }, 'No tensor here has bytes in the file.')]),
    );
    this.#drawTrail();
    this.#drawLegend();
    this.#tell(this.#zoomed);
  }

  #tile(tile: Tile, index: number): HTMLElement {
    const { node, left, top, width, height, open } = tile;
    const isModule = node.tensor === undefined;
    const hasLabel = width >= LABEL.width && height >= LABEL.height;
    const button = el(
      'button',
      {
        type: 'button',
        class: `tile ${isModule ? 'module' : 'tensor'}${open ? ' open' : ''} ${this.#painter.paint(node, this.#mode).key}`,
        'data-index': index,
        tabindex: index === 0 ? 0 : -1,
        'aria-label': `${node.name}, ${bytesText(node.bytes)}${isModule ? `, ${counted(node.tensors, 'tensor')}, zoom` : ''}`,
      },
      hasLabel ? el('span', { class: 'label' }, node.label) : undefined,
      hasLabel && (open ? width > 130 : height > 34 && width > 58)
        ? el('span', { class: 'size' }, bytesText(node.bytes))
        : undefined,
    );
    Object.assign(button.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${width}px`,
      height: `${height}px`,
    });
    return button;
  }

  #drawTrail(): void {
    const path = pathTo(this.#zoomed);
    this.#trail.replaceChildren(
      ...path.map((module, index) => {
        const label = index === 0 ? 'all' : module.label;
        return index === path.length - 1
          ? el('span', { class: 'here', 'aria-current': 'true' }, label)
          : el('button', { type: 'button', onclick: () => this.#zoom(module) }, label);
      }),
    );
  }

  #drawLegend(): void {
    const whole = this.#data.tensors.stored.reduce((sum, bytes) => sum + bytes, 0);
    this.#legend.replaceChildren(
      ...this.#painter
        .legend(this.#mode)
        .map(({ paint, bytes }) =>
          el(
            'li',
            {},
            el('span', { class: `swatch ${paint.key}` }),
            this.#mode === 'waste' ? `${paint.label} unused` : paint.label,
            el('small', {}, `${bytesText(bytes)}${whole > 0 ? `, ${percent(bytes / whole)}` : ''}`),
          ),
        ),
    );
  }

  #tell(node: ModuleNode): void {
    const list =
      node.tensor === undefined && node.tensors > 0
        ? el(
            'button',
            { type: 'button', class: 'link', onclick: () => this.#listTensors(node.name) },
            'list them',
          )
        : undefined;
    this.#told.replaceChildren(...this.#describe(node), ...(list ? [list] : []));
    // a window of another size shows the same
    if (node !== this.#shown) this.#showNumbers(node);
    this.#shown = node;
  }

  /** Of the whole file those of the model: beside them stand what a training keeps, which are of another size. */
  #showNumbers(node: ModuleNode): void {
    const { parts, tensors } = this.#data;
    const model =
      node === this.#root ? parts.findIndex(({ name, count }) => name === 'model' && count > 0) : -1;
    const shown = [...tensorsIn(node)].filter((tensor) => model < 0 || tensors.part[tensor] === model);
    const told = model < 0 || parts.length < 2 ? node.name || 'all tensors' : 'the model';
    this.#panel?.show(shown, told);
  }

  #describe({ name, tensor, bytes, tensors }: ModuleNode): Node[] {
    const title = el('strong', {}, name || this.#data.file.name);
    if (tensor === undefined)
      return [title, el('span', {}, counted(tensors, 'tensor')), el('span', {}, bytesText(bytes))];
    const { dtypes, locations, parts, tensors: columns } = this.#data;
    const wasted = columns.wasted[tensor] ?? 0;
    const facts = [
      `${dtypes[columns.dtype[tensor] ?? -1]?.name ?? ''} ${shapeText(columns.shape[tensor] ?? [])}`,
      bytesText(columns.bytes[tensor] ?? 0),
      ...(wasted > 0 ? [`takes ${bytesText(columns.stored[tensor] ?? 0)}, ${bytesText(wasted)} unused`] : []),
      locations[columns.location[tensor] ?? -1]?.name ?? '',
      parts[columns.part[tensor] ?? -1]?.name ?? '',
      columns.note[tensor] ?? '',
    ];
    return [title, ...facts.filter((fact) => fact.trim() !== '').map((fact) => el('span', {}, fact))];
  }
}

/** The colours that tell the most of a file at first sight. */
function firstMode({ totals, dtypes, parts, locations }: PageData): Mode {
  if (totals.wastedBytes > 0) return 'waste';
  const [most] = dtypes;
  // a few counters among the weights make no picture
  if (most && most.bytes < 0.95 * totals.tensorBytes) return 'dtype';
  return parts.length > 1 ? 'part' : locations.length > 1 ? 'location' : 'dtype';
}

function percent(share: number): string {
  return share > 0 && share < 0.001 ? '< 0.1 %' : `${(share * 100).toFixed(share === 1 ? 0 : 1)} %`;
}
