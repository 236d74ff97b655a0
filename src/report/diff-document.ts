import type { ContainerKind } from '../checkpoint/checkpoint.ts';
import { locationOf } from '../checkpoint/tensor.ts';
import type {
  Aspect,
  ComparedPair,
  ComparedSide,
  Comparison,
  NamedTensor,
  RenamedBy,
  ValueDifference,
} from '../compare/comparison.ts';
import { hasChanged, isSame } from '../compare/comparison.ts';
import type { NumbersDifference } from '../compare/difference.ts';
import { type BackendEntry, BUILTIN } from './backend-entry.ts';
import { type Integer, integer, integers } from './inspect-document.ts';

export const DIFF_SCHEMA = 'ckpt-doctor/diff/1';

export interface DiffSide {
  readonly path: string;
  readonly bytes: number;
  readonly container: ContainerKind;
  /** Dotted name of the part that was compared; empty for the whole checkpoint. */
  readonly part: string;
  readonly tensors: number;
}

/** A tensor that stands on one side alone. */
export interface LoneTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly Integer[];
  readonly bytes: Integer;
  readonly location: string | null;
}

export interface NumbersEntry extends Omit<NumbersDifference, 'cosine' | 'maxAbs' | 'meanAbs'> {
  /** Null where a double can't hold it. */
  readonly maxAbs: number | null;
  readonly meanAbs: number | null;
  readonly cosine: number | null;
}

export interface PairValues {
  readonly verdict: 'same' | 'different' | 'not-comparable';
  readonly reason?: string;
  readonly numbers?: NumbersEntry;
}

export interface RenamedTensor {
  readonly from: string;
  readonly to: string;
  readonly by: RenamedBy;
}

/** A tensor of both sides that is not the same; `name` is that of a. */
export interface ChangedTensor
  extends Partial<Record<Exclude<Aspect, 'shape'>, { readonly a: string; readonly b: string }>> {
  readonly name: string;
  readonly shape?: { readonly a: readonly Integer[]; readonly b: readonly Integer[] };
  readonly values?: PairValues;
}

/** `diff --format json`. */
export interface DiffDocument {
  readonly schema: typeof DIFF_SCHEMA;
  readonly a: DiffSide;
  readonly b: DiffSide;
  readonly same: boolean;
  /** There where values were asked for. */
  readonly backend?: BackendEntry;
  readonly notes: readonly string[];
  readonly totals: {
    /** Tensors on both sides, and how many of them differ in something else than the name. */
    readonly common: number;
    readonly changed: number;
    readonly added: number;
    readonly removed: number;
    readonly renamed: number;
    /** There where values were asked for: tensors whose elements are the same, differ, could not be compared. */
    readonly values?: { readonly same: number; readonly different: number; readonly notComparable: number };
  };
  readonly added: readonly LoneTensor[];
  readonly removed: readonly LoneTensor[];
  readonly renamed: readonly RenamedTensor[];
  readonly changed: readonly ChangedTensor[];
  /** Values that are no tensors; a side that has none is left out. */
  readonly metadata: readonly ValueDifference[];
}

export function diffDocument(comparison: Comparison, backend: BackendEntry = BUILTIN): DiffDocument {
  const { a, b, notes, added, removed, pairs, values } = comparison;
  const changed = pairs.flatMap((pair) => changedTensor(pair) ?? []);
  const renamed = pairs.flatMap(({ a, b, renamedBy }) =>
    renamedBy ? [{ from: a.name, to: b.name, by: renamedBy }] : [],
  );
  const judged = pairs.flatMap(({ values }) => values?.verdict ?? []);
  const having = (verdict: PairValues['verdict']) => judged.filter((each) => each === verdict).length;
  return {
    schema: DIFF_SCHEMA,
    a: sideEntry(a),
    b: sideEntry(b),
    same: isSame(comparison),
    ...(comparison.withValues && { backend }),
    notes,
    totals: {
      common: pairs.length,
      changed: pairs.filter(hasChanged).length,
      added: added.length,
      removed: removed.length,
      renamed: renamed.length,
      ...(comparison.withValues && {
        values: {
          same: having('same'),
          different: having('different'),
          notComparable: having('not-comparable'),
        },
      }),
    },
    added: added.map(loneTensor),
    removed: removed.map(loneTensor),
    renamed,
    changed,
    metadata: values,
  };
}

function sideEntry({ checkpoint, part, tensors }: ComparedSide): DiffSide {
  const { path, container, fileSize, source } = checkpoint;
  return { path, bytes: fileSize ?? source.size, container: container.kind, part, tensors };
}

function loneTensor({ name, tensor }: NamedTensor): LoneTensor {
  return {
    name,
    dtype: tensor.dtype.name,
    shape: integers(tensor.shape),
    bytes: integer(tensor.bytes),
    location: locationOf(tensor) ?? null,
  };
}

/** What could not be compared is told as well: silence would pass for sameness. */
function changedTensor({ a, b, differences, values }: ComparedPair): ChangedTensor | undefined {
  const told = values && values.verdict !== 'same' ? valuesEntry(values) : undefined;
  if (differences.length === 0 && !told) return undefined;
  return {
    name: a.name,
    ...Object.fromEntries(
      differences.map((difference) => [
        difference.aspect,
        difference.aspect === 'shape'
          ? { a: integers(a.tensor.shape), b: integers(b.tensor.shape) }
          : { a: difference.a, b: difference.b },
      ]),
    ),
    ...(told && { values: told }),
  };
}

function valuesEntry(values: NonNullable<ComparedPair['values']>): PairValues {
  if (values.verdict === 'same') return { verdict: 'same' };
  if (values.verdict === 'not-comparable') return { verdict: 'not-comparable', reason: values.reason };
  const { numbers } = values;
  if (!numbers) return { verdict: 'different' };
  const finite = (value: number | undefined) =>
    value !== undefined && Number.isFinite(value) ? value : null;
  return {
    verdict: 'different',
    numbers: {
      ...numbers,
      maxAbs: finite(numbers.maxAbs),
      meanAbs: finite(numbers.meanAbs),
      cosine: finite(numbers.cosine),
    },
  };
}
