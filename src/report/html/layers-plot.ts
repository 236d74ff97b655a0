import { numberText } from '../terminal/numbers.ts';
import { svg } from './dom.ts';
import type { Band, Kind, Layer, Mark } from './layers.ts';
import { logScale, type Scale, signedLogScale } from './scales.ts';

/** Heights in pixels, from above: marks, deviations, ranges, names of modules. */
const STRIP = 22;
const MARKS_MIDDLE = 9;
const DEVIATIONS = 110;
const GAP = 26;
const RANGES = 170;
const FOOT = 24;
const TOP = { deviations: STRIP, ranges: STRIP + DEVIATIONS + GAP };
const BOTTOM = TOP.ranges + RANGES;
export const PLOT_HEIGHT = BOTTOM + FOOT;
/** Room for the numbers at the left. */
const LEFT = 58;
const RIGHT = 8;
const CHARACTER = 6.7;
const KINDS: readonly Kind[] = ['vector', 'matrix'];
/** What an axis has beyond the values at its ends. */
const AIR = 1.25;

/** Where layers stand in a drawing of some width, and the drawing: a few long paths, however many layers there are. */
export class LayersPlot {
  readonly element: SVGSVGElement;
  readonly #layers: readonly Layer[];
  readonly #step: number;
  readonly #deviations: Scale;
  readonly #ranges: Scale;
  readonly #cursors = new Map<'chosen' | 'pointed', SVGPathElement>();

  constructor(layers: readonly Layer[], bands: readonly Band[], width: number) {
    this.#layers = layers;
    this.#step = (width - LEFT - RIGHT) / Math.max(1, layers.length);
    this.#deviations = deviationScale(layers);
    this.#ranges = rangeScale(layers);
    for (const name of ['pointed', 'chosen'] as const) this.#cursors.set(name, svg('path', { class: name }));
    this.element = svg(
      'svg',
      { viewBox: `0 0 ${width} ${PLOT_HEIGHT}`, 'aria-hidden': 'true' },
      ...this.#drawBands(bands),
      ...this.#drawAxis(this.#deviations, TOP.deviations, DEVIATIONS, 'std', width),
      ...this.#drawAxis(this.#ranges, TOP.ranges, RANGES, 'min to max', width),
      svg('path', { class: 'origin', d: `M${LEFT} ${this.#range(0)}H${width - RIGHT}` }),
      ...this.#drawMarkLines(),
      ...this.#cursors.values(),
      ...KINDS.flatMap((kind) => this.#drawKind(kind)),
      ...this.#drawMarks(),
    );
  }

  /** Puts the line through a layer: the chosen one, or the one under the pointer; or takes it away. */
  point(cursor: 'chosen' | 'pointed', index: number | undefined): void {
    const path = this.#cursors.get(cursor);
    path?.setAttribute('d', index === undefined ? '' : `M${this.#x(index)} 4V${BOTTOM}`);
  }

  /** The layer at a place: where several share a pixel, that which is drawn the nearest. */
  at(x: number, y: number): number | undefined {
    if (this.#layers.length === 0) return undefined;
    const middle = (x - LEFT) / this.#step - 0.5;
    const reach = Math.max(0.5, 4 / this.#step);
    const last = this.#layers.length - 1;
    let best = Math.min(last, Math.max(0, Math.round(middle)));
    let least = Number.POSITIVE_INFINITY;
    for (
      let index = Math.max(0, Math.ceil(middle - reach));
      index <= Math.min(last, middle + reach);
      index++
    ) {
      const distance = Math.abs(index - middle) * Math.min(1, this.#step) + this.#distance(index, y);
      if (distance < least) [best, least] = [index, distance];
    }
    return best;
  }

  /** Pixels, up and down, from a place to what is drawn of a layer there. */
  #distance(index: number, y: number): number {
    const { std, min, max, mark } = this.#layers[index] as Layer;
    if (y < TOP.deviations) return mark ? 0 : PLOT_HEIGHT;
    if (y < TOP.deviations + DEVIATIONS + GAP / 2)
      return std === null ? PLOT_HEIGHT : Math.abs(y - this.#deviation(std));
    if (min === null || max === null) return PLOT_HEIGHT;
    // of two that hold the place, the one whose end is nearer
    return Math.min(Math.abs(y - this.#range(min)), Math.abs(y - this.#range(max)));
  }

  #x(index: number): number {
    return round(LEFT + (index + 0.5) * this.#step);
  }

  #deviation(std: number): number {
    return round(TOP.deviations + (1 - (std > 0 ? this.#deviations.at(std) : 0)) * DEVIATIONS);
  }

  #range(value: number): number {
    return round(TOP.ranges + (1 - this.#ranges.at(value)) * RANGES);
  }

  #drawBands(bands: readonly Band[]): Node[] {
    const edge = (index: number) => round(LEFT + index * this.#step);
    const shades = bands.filter((_, index) => index % 2 === 0);
    const drawn: Node[] = [
      svg('path', {
        class: 'band',
        d: shades
          .map(({ first, end }) => `M${edge(first)} ${TOP.deviations}H${edge(end)}V${BOTTOM}H${edge(first)}z`)
          .join(''),
      }),
    ];
    let free = 0;
    const end = edge(this.#layers.length);
    for (const { label, first } of bands) {
      const width = label.length * CHARACTER;
      if (label === '' || edge(first) < free || edge(first) + width > end + RIGHT) continue;
      drawn.push(
        svg('path', { class: 'axis', d: `M${edge(first)} ${BOTTOM}v5` }),
        svg('text', { x: edge(first) + 3, y: BOTTOM + 16 }, label),
      );
      free = edge(first) + width + 12;
    }
    return drawn;
  }

  #drawAxis(scale: Scale, top: number, height: number, label: string, width: number): Node[] {
    return [
      ...scale.ticks.flatMap((tick) => {
        const y = round(top + (1 - scale.at(tick)) * height);
        return [
          svg('path', { class: 'grid', d: `M${LEFT} ${y}H${width - RIGHT}` }),
          svg('text', { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' }, powerText(tick)),
        ];
      }),
      svg('text', { class: 'title', x: LEFT, y: top - 8 }, label),
    ];
  }

  #drawKind(kind: Kind): Node[] {
    const own = [...this.#layers.entries()].filter(([, layer]) => layer.kind === kind);
    const thick = Math.max(1, Math.min(7, this.#step * 0.6));
    const line = (index: number, from: number, to: number) =>
      // a range of nothing is a dot
      `M${this.#x(index)} ${Math.max(this.#range(from), this.#range(to) + 1)}V${this.#range(to)}`;
    const ranges = own.map(([index, { min, max }]) =>
      min === null || max === null ? '' : line(index, min, max),
    );
    const inner = own.map(([index, { min, max, mean, std }]) =>
      min === null || max === null || mean === null || std === null
        ? ''
        : line(index, Math.max(min, mean - std), Math.min(max, mean + std)),
    );
    const dots = own.map(([index, { std }]) =>
      std === null ? '' : `M${this.#x(index)} ${this.#deviation(std)}h0`,
    );
    const dot = Math.max(3, Math.min(7, this.#step * 0.8));
    return [
      svg('path', { class: `range ${kind}`, d: ranges.join(''), 'stroke-width': thick }),
      svg('path', { class: `inner ${kind}`, d: inner.join(''), 'stroke-width': thick }),
      svg('path', { class: `dots ${kind}`, d: dots.join(''), 'stroke-width': dot }),
    ];
  }

  #drawMarkLines(): Node[] {
    const marked = [...this.#layers.entries()].filter(([, { mark }]) => mark !== undefined);
    const d = marked.map(([index]) => `M${this.#x(index)} ${TOP.deviations}V${BOTTOM}`).join('');
    return [svg('path', { class: 'marked', d })];
  }

  #drawMarks(): Node[] {
    return MARKS.map((mark) => {
      const own = [...this.#layers.entries()].filter(([, layer]) => layer.mark === mark);
      return markShape(
        mark,
        own.map(([index]) => this.#x(index)),
        MARKS_MIDDLE,
      );
    });
  }
}

/** A cross for NaN, a triangle for infinities, a ring for nothing but zeros: they differ without their colours. */
const SHAPES: Readonly<Record<Mark, string>> = {
  nan: 'm-4 -4l8 8m0 -8l-8 8',
  inf: 'm0 -5l5 9h-10z',
  zero: 'm-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z',
};
export const MARKS = Object.keys(SHAPES) as Mark[];

/** The shape of a mark at several places side by side. */
export function markShape(mark: Mark, places: readonly number[], y: number): SVGPathElement {
  return svg('path', { class: `shape ${mark}`, d: places.map((x) => `M${x} ${y}${SHAPES[mark]}`).join('') });
}

function deviationScale(layers: readonly Layer[]): Scale {
  const [least, most] = ends(layers.flatMap(({ std }) => (std !== null && std > 0 ? [std] : [])));
  return least === undefined || most === undefined
    ? logScale(0.1, 1, 4)
    : logScale(least / AIR, most * AIR, 4);
}

/** Even where most tensors have their numbers, a scale of logarithms beyond. */
function rangeScale(layers: readonly Layer[]): Scale {
  const sizes = layers
    .flatMap(({ min, max }) => (min === null || max === null ? [] : [Math.max(Math.abs(min), Math.abs(max))]))
    .filter((size) => size > 0)
    .sort((a, b) => a - b);
  const unit = (sizes[sizes.length >>> 1] ?? 1) / 8;
  const [least = 0, most = 0] = ends(layers.flatMap(({ min, max }) => [min ?? 0, max ?? 0]));
  const isFlat = least === most;
  return signedLogScale(isFlat ? -1 : least * AIR, isFlat ? 1 : most * AIR, unit, 9);
}

/** The smallest and the largest; there may be thousands. */
function ends(values: readonly number[]): readonly [number?, number?] {
  const [first] = values;
  if (first === undefined) return [];
  return values.reduce<[number, number]>(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [first, first],
  );
}

/** Powers of ten as short as they can be written. */
function powerText(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-3 && size < 1e5)) return String(value);
  return value.toExponential().replace('e+', 'e');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** What a reader is told of a layer. */
export function layerFacts({ min, max, mean, std }: Layer): string[] {
  if (min === null) return ['no finite number'];
  return [`std ${numberText(std)}`, `mean ${numberText(mean)}`, `${numberText(min)} to ${numberText(max)}`];
}
