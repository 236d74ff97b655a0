import type { Histogram } from '../packed-histogram.ts';
import { countText, grouped, numberText, shareText } from '../terminal/numbers.ts';
import { choice, el, svg } from './dom.ts';
import type { Numbers } from './numbers.ts';
import { type Heights, heightsOf, linearScale } from './scales.ts';

const HEIGHT = 168;
/** Room for the labels below the bars. */
const FOOT = 22;
/** Pixels of a label on the axis. */
const LABEL = 78;

/** How numbers spread: a bar for each bin, and what a bar stands for where the pointer is on it. */
export class HistogramView {
  readonly element: HTMLElement;
  readonly #drawing = el('div', { class: 'drawing', role: 'img' });
  readonly #caption = el('span', { class: 'said' });
  #numbers: Numbers | undefined;
  #heights: Exclude<Heights, 'root'> = 'linear';
  #marked = svg('rect');
  #width = 0;

  constructor() {
    const heights = choice<Exclude<Heights, 'root'>>(
      'Height of the bars',
      HEIGHTS,
      this.#heights,
      (chosen) => {
        this.#heights = chosen;
        this.#draw();
      },
    );
    this.element = el(
      'figure',
      { class: 'histogram' },
      this.#drawing,
      el('figcaption', {}, this.#caption, heights),
    );
    this.#drawing.addEventListener('pointermove', (event) => this.#point(event.offsetX));
    this.#drawing.addEventListener('pointerleave', () => this.#point(undefined));
    // to ask for the width while the page changes would have it laid out anew each time
    new ResizeObserver(([entry]) => {
      this.#width = entry?.contentRect.width ?? 0;
      this.#draw();
    }).observe(this.#drawing);
  }

  /** @param label What the numbers are those of. */
  show(numbers: Numbers, label: string): void {
    this.#numbers = numbers;
    this.#drawing.setAttribute('aria-label', `Histogram of ${label}: ${summary(numbers)}`);
    this.#draw();
  }

  #draw(): void {
    const { histogram } = this.#numbers ?? {};
    const width = this.#width;
    if (!histogram || width === 0) return;
    this.#point(undefined);
    const { min, max, counts } = histogram;
    const scale = linearScale(min, max, Math.max(2, Math.min(8, width / LABEL)));
    const base = HEIGHT - FOOT;
    const step = width / counts.length;
    const gap = step > 4 ? 1 : 0;
    const bars = heightsOf(counts, this.#heights).map((height, bin) => {
      // what is there is seen, be it ever so rare
      const rise = height === 0 ? 0 : Math.max(1.5, height * (base - 6));
      return rise === 0
        ? ''
        : `M${(bin * step).toFixed(1)} ${base}v${-rise.toFixed(1)}h${(step - gap).toFixed(1)}V${base}z`;
    });
    const x = (value: number) => (scale.at(value) * width).toFixed(1);
    this.#marked = svg('rect', {
      class: 'mark',
      y: 0,
      height: base,
      width: step.toFixed(1),
      visibility: 'hidden',
    });
    const zero = min < 0 && max > 0 ? [svg('path', { class: 'origin', d: `M${x(0)} 0V${base}` })] : [];
    this.#drawing.replaceChildren(
      svg(
        'svg',
        { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, 'aria-hidden': 'true' },
        this.#marked,
        ...zero,
        svg('path', { class: 'bars', d: bars.join('') }),
        svg('path', { class: 'axis', d: `M0 ${base}H${width}` }),
        ...scale.ticks.flatMap((tick) => [
          svg('path', { class: 'axis', d: `M${x(tick)} ${base}v4` }),
          svg('text', { x: x(tick), y: HEIGHT - 5, 'text-anchor': anchor(scale.at(tick)) }, tickText(tick)),
        ]),
      ),
    );
  }

  /** Tells of the bar at a place, or of the whole. */
  #point(place: number | undefined): void {
    const { histogram } = this.#numbers ?? {};
    if (!this.#numbers || !histogram) return;
    const { counts } = histogram;
    const step = this.#width / counts.length;
    const bin = place === undefined ? -1 : Math.min(counts.length - 1, Math.max(0, Math.floor(place / step)));
    this.#marked.setAttribute('visibility', bin < 0 ? 'hidden' : 'visible');
    this.#marked.setAttribute('x', (bin * step).toFixed(1));
    this.#caption.textContent =
      bin < 0 ? summary(this.#numbers) : barText(histogram, bin, this.#numbers.count);
  }
}

const HEIGHTS: readonly (readonly [Exclude<Heights, 'root'>, string])[] = [
  ['linear', 'Linear'],
  ['log', 'Log'],
];

/** Zero is 0, whatever the steps come to. */
function tickText(tick: number): string {
  return Number.isInteger(tick)
    ? numberText(tick)
    : numberText(tick)
        .replace(/(\.\d*?)0+(?=e|$)/, '$1')
        .replace(/\.(?=e|$)/, '');
}

function anchor(share: number): string {
  return share < 0.04 ? 'start' : share > 0.96 ? 'end' : 'middle';
}

function barText({ min, max, counts }: Histogram, bin: number, whole: number): string {
  const edge = (index: number) => numberText(min + ((max - min) / counts.length) * index);
  const count = Math.round(counts[bin] ?? 0);
  return `${edge(bin)} to ${edge(bin + 1)}: ${countText(count)} of the numbers, ${shareText(count, whole)}`;
}

/** What a reader without the picture would want to know of it. */
function summary({ histogram, beyond, count, min, max, tensors }: Numbers): string {
  if (!histogram) return '';
  const told = [`${numberText(histogram.min)} to ${numberText(histogram.max)}`];
  if (beyond > 0)
    told.push(`${shareText(beyond, count)} lie beyond, from ${numberText(min)} to ${numberText(max)}`);
  if (tensors.length > 1) told.push(`put together from ${grouped(tensors.length)} histograms`);
  return told.join('; ');
}
