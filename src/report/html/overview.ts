import type { NumberColumns, PageData, PageSharing, PageSum } from '../page-data.ts';
import { bytesText, counted, countText, grouped } from '../terminal/numbers.ts';
import { el, section } from './dom.ts';

/** Values that are shown before a click asks for the others. */
const FIRST_VALUES = 40;
const FIRST_SHARED = 20;

/** The sums of the file, and how they spread. */
export function overviewSection(data: PageData): HTMLElement {
  const { totals, dtypes, locations, parts, file } = data;
  const held = parts.filter(({ count }) => count > 0);
  const stored =
    totals.storageBytes === totals.tensorBytes ? undefined : `stored in ${bytesText(totals.storageBytes)}`;
  return section(
    'overview',
    'Overview',
    el(
      'dl',
      { class: 'cards' },
      card('File', bytesText(file.bytes)),
      card('Tensors', grouped(totals.tensors), counted(totals.storages, 'storage')),
      card('Parameters', countText(totals.parameters)),
      card('In tensors', bytesText(totals.tensorBytes), stored),
      ...(data.numbers && totals.tensors > 0 ? [soundCard(data, data.numbers)] : []),
      ...(totals.wastedBytes > 0 ? [card('Unused', bytesText(totals.wastedBytes), 'in storages')] : []),
    ),
    el(
      'div',
      { class: 'spreads' },
      ...(dtypes.length > 0 ? [spread('Dtypes', dtypes, 'tensor')] : []),
      ...(locations.length > 0 ? [spread('Devices', locations, 'storage')] : []),
      ...(held.length > 1 ? [spread('Parts', held, 'tensor')] : []),
    ),
  );
}

/** Tensors that hold NaN, infinities or nothing but zeros. What has no numbers to look at, as on the meta device, is not called sound. */
function soundCard(
  { tensors }: PageData,
  { nan, infinite, zeros, count, sampled }: NumberColumns,
): HTMLElement {
  const flaws = {
    NaN: nan.map((each) => each > 0),
    Inf: infinite.map((each) => each > 0),
    'all zero': count.map((each, index) => each > 1 && each === zeros[index]),
  };
  const told = Object.entries(flaws)
    .map(([name, has]) => [name, has.filter(Boolean).length] as const)
    .filter(([, tensors]) => tensors > 0);
  if (told.length === 0) {
    const sum = count.reduce((total, each) => total + each, 0);
    const bare = count.filter((each, index) => each === 0 && !tensors.shape[index]?.includes(0)).length;
    const without = bare > 0 ? `${counted(bare, 'tensor')} ${bare === 1 ? 'has' : 'have'} none` : '';
    if (sum === 0) return card('Numbers', 'None', without);
    const looked = `${countText(sum)} ${sampled ? 'sampled' : 'looked at'}`;
    return card('Numbers', 'All finite', [looked, without].filter(Boolean).join('; '));
  }
  const flawed = count.filter((_, index) => Object.values(flaws).some((has) => has[index])).length;
  const made = card(
    'Flawed tensors',
    grouped(flawed),
    told.map(([name, tensors]) => `${name}: ${tensors}`).join(', '),
  );
  made.classList.add('grave');
  return made;
}

function card(name: string, value: string, more?: string): HTMLElement {
  return el(
    'div',
    {},
    el('dt', {}, name),
    el('dd', {}, value),
    more ? el('dd', { class: 'more' }, more) : undefined,
  );
}

/** Bars that share one whole. */
function spread(title: string, sums: readonly PageSum[], noun: string): HTMLElement {
  const whole = sums.reduce((sum, { bytes }) => sum + bytes, 0);
  return el(
    'div',
    { class: 'spread' },
    el('h3', {}, title),
    el(
      'ul',
      {},
      ...sums.slice(0, 12).map(({ name, count, bytes, places }, index) => {
        const bar = el('span', { class: `fill c${Math.min(index, 7)}` });
        bar.style.width = `${whole > 0 ? Math.max(0.5, (bytes / whole) * 100) : 0}%`;
        return el(
          'li',
          { title: places },
          el('span', { class: 'name' }, name),
          el('span', { class: 'track' }, bar),
          el('span', { class: 'number' }, bytesText(bytes)),
          el('small', {}, counted(count, noun)),
        );
      }),
      ...(sums.length > 12 ? [el('li', { class: 'rest' }, `… ${sums.length - 12} more`)] : []),
    ),
  );
}

/** Tensors that stand in one storage; nothing where each has its own. */
export function sharingSection({ sharing }: PageData): HTMLElement | undefined {
  if (sharing.length === 0) return undefined;
  const list = el('ul', { class: 'sharing' });
  fill(list, sharing, FIRST_SHARED, sharedItem);
  return section('sharing', 'Shared storages', list);
}

function sharedItem({ storage, bytes, names, tied }: PageSharing): HTMLElement {
  const told = tied ? 'one tensor' : 'views';
  return el(
    'li',
    {},
    el('span', { class: 'badge' }, told),
    el('span', { class: 'names' }, ...names.map((name) => el('code', {}, name))),
    el('small', {}, `storage ${storage}, ${bytesText(bytes)}`),
  );
}

/** What the checkpoint holds besides tensors. */
export function valuesSection({ values }: PageData): HTMLElement | undefined {
  if (values.length === 0) return undefined;
  const list = el('dl', { class: 'values' });
  fill(list, values, FIRST_VALUES, ([name, text]) => el('div', {}, el('dt', {}, name), el('dd', {}, text)));
  return section('values', 'Values', list);
}

/** The first of a list, and a button for the others. */
function fill<T>(
  list: HTMLElement,
  items: readonly T[],
  first: number,
  make: (item: T) => HTMLElement,
): void {
  list.append(...items.slice(0, first).map(make));
  if (items.length <= first) return;
  const more = el(
    'button',
    {
      type: 'button',
      class: 'link',
      onclick: () => {
        list.append(...items.slice(first).map(make));
        more.remove();
      },
    },
    `… ${grouped(items.length - first)} more`,
  );
  // after the list, once that has its place
  queueMicrotask(() => list.after(more));
}
