import type { PageData } from '../page-data.ts';
import { type ModuleNode, tensorsIn } from './module-tree.ts';

/** What the tiles of the treemap are coloured by. */
export type Mode = 'dtype' | 'location' | 'part' | 'waste';

/** A colour of the style sheet: a category by its number, or a step on the scale of waste. */
export interface Paint {
  readonly key: string;
  readonly label: string;
}

/** Categories that have a colour of their own; the others share the last. */
const CATEGORIES = 8;
const WASTE_STEPS = ['none', 'up to a tenth', 'up to half', 'more than half'] as const;

/** Gives modules and tensors their colours: that of what has the most bytes in them. */
export class Painter {
  readonly #data: PageData;
  readonly #known = new Map<string, Paint>();

  constructor(data: PageData) {
    this.#data = data;
  }

  paint(node: ModuleNode, mode: Mode): Paint {
    const key = `${mode} ${node.name}${node.tensor ?? ''}`;
    let paint = this.#known.get(key);
    if (!paint) {
      paint = mode === 'waste' ? this.#waste(node) : this.#category(node, mode);
      this.#known.set(key, paint);
    }
    return paint;
  }

  /** What the colours stand for, with the bytes of each. */
  legend(mode: Mode): { readonly paint: Paint; readonly bytes: number }[] {
    const sums = new Map<string, { paint: Paint; bytes: number }>();
    for (const [index, bytes] of this.#data.tensors.stored.entries()) {
      const paint =
        mode === 'waste'
          ? wastePaint(this.#data.tensors.wasted[index] ?? 0, bytes)
          : this.#paintOf(index, mode);
      const sum = sums.get(paint.label);
      if (sum) sum.bytes += bytes;
      else sums.set(paint.label, { paint, bytes });
    }
    const entries = [...sums.values()];
    if (mode !== 'waste') return entries.sort((a, b) => b.bytes - a.bytes);
    return entries.sort((a, b) => a.paint.key.localeCompare(b.paint.key));
  }

  #category(node: ModuleNode, mode: Exclude<Mode, 'waste'>): Paint {
    const bytes = new Map<string, { paint: Paint; bytes: number }>();
    for (const tensor of tensorsIn(node)) {
      const paint = this.#paintOf(tensor, mode);
      const sum = bytes.get(paint.label) ?? { paint, bytes: 0 };
      sum.bytes += this.#data.tensors.stored[tensor] ?? 0;
      bytes.set(paint.label, sum);
    }
    let most = { paint: NO_PAINT, bytes: -1 };
    for (const sum of bytes.values()) if (sum.bytes > most.bytes) most = sum;
    return most.paint;
  }

  #paintOf(tensor: number, mode: Exclude<Mode, 'waste'>): Paint {
    const { tensors, dtypes, locations, parts } = this.#data;
    const index = tensors[mode][tensor] ?? -1;
    const sums = { dtype: dtypes, location: locations, part: parts }[mode];
    const sum = sums[index];
    return sum ? { key: `c${Math.min(index, CATEGORIES - 1)}`, label: sum.name } : NO_PAINT;
  }

  #waste(node: ModuleNode): Paint {
    let wasted = 0;
    for (const tensor of tensorsIn(node)) wasted += this.#data.tensors.wasted[tensor] ?? 0;
    return wastePaint(wasted, node.bytes);
  }
}

const NO_PAINT: Paint = { key: 'none', label: 'none' };

function wastePaint(wasted: number, bytes: number): Paint {
  const share = bytes > 0 ? wasted / bytes : 0;
  const step = share === 0 ? 0 : share <= 0.1 ? 1 : share <= 0.5 ? 2 : 3;
  return { key: `w${step}`, label: WASTE_STEPS[step] ?? '' };
}
