import type { NumberColumns, PageData } from '../page-data.ts';
import { isFractional } from './numbers.ts';

/** What is wrong with the numbers of a tensor: the gravest alone. */
export type Mark = 'nan' | 'inf' | 'zero';

/** Whether a tensor has two dimensions or more, as matrices and kernels have, or one, as biases and norms. */
export type Kind = 'matrix' | 'vector';

/** One tensor in the plot. */
export interface Layer {
  readonly tensor: number;
  readonly kind: Kind;
  /** Of the finite numbers; null where there are none, or too few. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly std: number | null;
  readonly mark: Mark | undefined;
}

/** Neighbours in one module. */
export interface Band {
  readonly label: string;
  readonly first: number;
  /** The one behind the last. */
  readonly end: number;
}

/**
 * The tensors that a plot of the layers shows, in the order of the file, which is that of the model. Integers, and numbers that stand alone,
 * are counters and the like, and left out unless there is nothing else or something is wrong with them.
 */
export function layersOf(data: Pick<PageData, 'tensors' | 'dtypes'>, numbers: NumberColumns): Layer[] {
  const { tensors, dtypes } = data;
  const held = [...tensors.name.keys()].filter((tensor) => (numbers.count[tensor] ?? 0) > 0);
  const fractional = held.filter((tensor) => isFractional(dtypes[tensors.dtype[tensor] ?? -1]?.name ?? ''));
  const layers = (fractional.length > 0 ? fractional : held).map((tensor): Layer => {
    const value = (column: readonly (number | null)[]) => column[tensor] ?? null;
    return {
      tensor,
      kind: (tensors.shape[tensor]?.length ?? 0) > 1 ? 'matrix' : 'vector',
      min: value(numbers.min),
      max: value(numbers.max),
      mean: value(numbers.mean),
      std: value(numbers.std),
      mark: markOf(numbers, tensor),
    };
  });
  const several = layers.filter(({ tensor, mark }) => numbers.count[tensor] !== 1 || mark !== undefined);
  return several.length > 0 ? several : layers;
}

function markOf({ nan, infinite, zeros, count }: NumberColumns, tensor: number): Mark | undefined {
  if ((nan[tensor] ?? 0) > 0) return 'nan';
  if ((infinite[tensor] ?? 0) > 0) return 'inf';
  const numbers = count[tensor] ?? 0;
  return numbers > 1 && zeros[tensor] === numbers ? 'zero' : undefined;
}

/** Bands that can be told apart. */
const MOST_BANDS = 48;
const DEEPEST = 6;

/** The modules that neighbours stand in, as deep as there is room for; without what all names begin with. */
export function bandsOf(names: readonly string[]): Band[] {
  const modules = names.map((name) => name.split('.').slice(0, -1));
  const [first = []] = modules;
  let shared = 0;
  while (shared < first.length && modules.every((module) => module[shared] === first[shared])) shared++;
  let bands = bandsAt(modules, shared, shared + 1);
  for (let depth = shared + 2; depth <= shared + DEEPEST; depth++) {
    const deeper = bandsAt(modules, shared, depth);
    if (deeper.length > MOST_BANDS && bands.length > 1) break;
    bands = deeper;
  }
  return bands;
}

function bandsAt(modules: readonly (readonly string[])[], from: number, depth: number): Band[] {
  const bands: { label: string; first: number; end: number }[] = [];
  for (const [index, module] of modules.entries()) {
    const label = module.slice(from, depth).join('.');
    const last = bands.at(-1);
    if (last?.label === label) last.end = index + 1;
    else bands.push({ label, first: index, end: index + 1 });
  }
  return bands;
}
