import type { NumberColumns, PageData } from '../page-data.ts';
import { countText, grouped, numberText, shareText } from '../terminal/numbers.ts';
import { el } from './dom.ts';
import { HistogramView } from './histogram-view.ts';
import { type Numbers, numbersOf } from './numbers.ts';

/** The histogram of what was chosen, and its figures. */
export class NumbersPanel {
  readonly element: HTMLElement;
  readonly #data: PageData;
  readonly #columns: NumberColumns;
  readonly #histogram = new HistogramView();
  readonly #figures = el('dl', { class: 'figures' });
  readonly #empty = el('p', { class: 'empty' });

  constructor(data: PageData, columns: NumberColumns) {
    this.#data = data;
    this.#columns = columns;
    this.element = el('div', { class: 'numbers' }, this.#histogram.element, this.#empty, this.#figures);
  }

  show(tensors: readonly number[], label: string): void {
    const numbers = numbersOf(this.#data, this.#columns, tensors);
    const hasHistogram = numbers?.histogram !== undefined;
    this.#histogram.element.hidden = !hasHistogram;
    this.#empty.hidden = hasHistogram;
    this.#empty.textContent = numbers ? withoutHistogram(numbers) : 'No numbers to look at.';
    this.#figures.replaceChildren(...(numbers ? figures(numbers, label) : []));
    if (numbers) this.#histogram.show(numbers, label);
  }
}

function withoutHistogram({ min, max }: Numbers): string {
  if (min === null) return 'No finite number.';
  return min === max
    ? `Every finite number is ${numberText(min)}.`
    : 'Every number is the same, but for a few.';
}

function figures(numbers: Numbers, label: string): HTMLElement[] {
  const { tensors, count, mean, std, min, max, zeros, nan, infinite, overflow } = numbers;
  const figure = (name: string, text: string, grave = false) =>
    el('div', { class: grave ? 'grave' : undefined }, el('dt', {}, name), el('dd', {}, text));
  const isOne = tensors.length === 1;
  return [
    ...(isOne ? [] : [figure('of', label), figure('tensors', grouped(tensors.length))]),
    figure('numbers', countText(count)),
    figure('mean', numberText(mean)),
    ...(isOne ? [figure('std', numberText(std))] : []),
    figure('min', numberText(min)),
    figure('max', numberText(max)),
    figure('zeros', shareText(zeros, count), zeros === count && count > 1),
    figure('NaN', grouped(nan), nan > 0),
    figure('Inf', grouped(infinite), infinite > 0),
    ...(overflow > 0 ? [figure('beyond float16', grouped(overflow))] : []),
  ];
}
