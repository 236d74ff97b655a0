import type { Checkpoint, ContainerKind } from '../checkpoint/checkpoint.ts';
import { GLOB_HINT, type NameMatcher } from '../checkpoint/name-glob.ts';
import { locationOf, type Tensor } from '../checkpoint/tensor.ts';
import { counted } from '../diagnose/wording.ts';
import type { PairKernel } from '../numeric/tfjs-pair-sums.ts';
import type { PyNode } from '../pickle/values.ts';
import { type CompareValuesOptions, compareValues } from './compare-values.ts';
import type {
  Aspect,
  AspectDifference,
  ComparedPair,
  Comparison,
  NamedTensor,
  TensorPair,
  ValueDifference,
  ValuesVerdict,
} from './comparison.ts';
import { FEW_BYTES, matchContents } from './match-contents.ts';
import { matchPrefixes, matchSameNames, matchWrappedNames, Unmatched } from './match-names.ts';
import { chooseParts, type Part } from './part.ts';
import { compareLeaves, leavesOf } from './plain-leaves.ts';

export interface CompareOptions {
  /** Compare the elements of tensors too, which reads both checkpoints. */
  readonly values?: boolean;
  /** Largest absolute difference of two numbers that are still taken for the same; 0 by default. */
  readonly tolerance?: number;
  /** Only tensors of which this accepts a name, within the parts that are compared; values that are no tensors are left out then. */
  readonly filter?: NameMatcher;
  /** Beginnings that are taken off the names of either side before they are compared. */
  readonly ignorePrefixes?: readonly string[];
  /** Sums pairs of float32 instead of the built-in sums. */
  readonly pairKernel?: PairKernel | undefined;
  /** Called while elements are read, with bytes of both sides. */
  readonly onProgress?: (read: number, total: number) => void;
}

const NOTHING_MEANT = `No tensor of a or b matches the filter: ${GLOB_HINT}.`;

/** Containers that keep no device for a storage: what they are loaded to says nothing of the checkpoint. */
const WITHOUT_LOCATIONS: ReadonlySet<ContainerKind> = new Set(['safetensors', 'numpy-npz', 'pickle']);

/**
 * Compares two checkpoints, whatever their containers: names, shapes, dtypes and locations of tensors, values that are no tensors,
 * and on request the elements. Memory does not grow with the tensors.
 *
 * @throws UnreadableError where the bytes of tensors can't be had.
 */
export async function compareCheckpoints(
  a: Checkpoint,
  b: Checkpoint,
  options: CompareOptions = {},
): Promise<Comparison> {
  const parts = await chooseParts(a, b);
  const [ofA, ofB] = parts.map((part) => named(part, options)) as [NamedTensor[], NamedTensor[]];
  const left = new Unmatched(ofA, ofB);
  matchSameNames(left);
  matchWrappedNames(left);
  matchPrefixes(left);
  await matchContents(left, options.values ? Number.POSITIVE_INFINITY : FEW_BYTES);
  const locations = keepsLocations(a) && keepsLocations(b);
  const leaves = options.filter ? { values: [], notes: [] } : await plainDifferences(a, b, parts);
  // a renamed tensor is meant by either of its names
  const isMeant = options.filter ?? (() => true);
  const pairs = left.pairs.filter((pair) => isMeant(pair.a.name) || isMeant(pair.b.name));
  const added = [...left.b.values()].filter(({ name }) => isMeant(name));
  const removed = [...left.a.values()].filter(({ name }) => isMeant(name));
  return {
    a: { checkpoint: a, part: parts[0].name, tensors: parts[0].tensors.length },
    b: { checkpoint: b, part: parts[1].name, tensors: parts[1].tensors.length },
    withValues: options.values ?? false,
    notes: [
      ...partNotes([a, b], parts),
      ...locationNotes(a, b),
      ...leaves.notes,
      ...(options.filter && pairs.length + added.length + removed.length === 0 ? [NOTHING_MEANT] : []),
    ],
    added,
    removed,
    pairs: await comparePairs(inOrderOf(ofA, pairs), locations, options),
    values: leaves.values,
  };
}

function named({ tensors }: Part, { ignorePrefixes = [] }: CompareOptions): NamedTensor[] {
  const taken = new Set(tensors.map(({ name }) => name));
  return tensors.map((each) => {
    const prefix = ignorePrefixes.find(
      (start) => each.name.startsWith(start) && each.name.length > start.length,
    );
    const name = each.name.slice(prefix?.length ?? 0);
    // two tensors never become one
    return prefix === undefined || taken.has(name) ? each : { ...each, name };
  });
}

function inOrderOf(tensors: readonly NamedTensor[], pairs: readonly TensorPair[]): TensorPair[] {
  const byTensor = new Map(pairs.map((pair) => [pair.a, pair]));
  return tensors.flatMap((tensor) => byTensor.get(tensor) ?? []);
}

async function comparePairs(
  pairs: readonly TensorPair[],
  locations: boolean,
  { values, tolerance = 0, pairKernel, onProgress = () => {} }: CompareOptions,
): Promise<ComparedPair[]> {
  const total = pairs.reduce((sum, { a, b }) => sum + a.tensor.bytes + b.tensor.bytes, 0);
  const compared: ComparedPair[] = [];
  const known = new Map<string, ValuesVerdict>();
  let done = 0;
  for (const pair of pairs) {
    const [a, b] = [pair.a.tensor, pair.b.tensor];
    const differences = aspectDifferences(a, b, locations);
    if (!values) {
      compared.push({ ...pair, differences });
      continue;
    }
    const end = done + a.bytes + b.bytes;
    const view = a.storage && b.storage && a.parts.length === 0 ? `${viewOf(a)} ${viewOf(b)}` : undefined;
    const verdict =
      (view === undefined ? undefined : known.get(view)) ??
      (await judge(a, b, tolerance, {
        pairKernel,
        onRead(bytes) {
          // where bytes differ they are read twice
          done = Math.min(end, done + bytes);
          onProgress(done, total);
        },
      }));
    // tied weights stand at several names, and are read once
    if (view !== undefined) known.set(view, verdict);
    done = end;
    compared.push({ ...pair, differences, values: verdict });
  }
  return compared;
}

async function judge(
  a: Tensor,
  b: Tensor,
  tolerance: number,
  options: CompareValuesOptions,
): Promise<ValuesVerdict> {
  if (a.shape.join() !== b.shape.join()) return { verdict: 'not-comparable', reason: 'the shapes differ' };
  if (a.kind === 'meta' || b.kind === 'meta') {
    return a.kind === b.kind
      ? { verdict: 'same' }
      : { verdict: 'not-comparable', reason: 'a meta tensor has no values' };
  }
  const verdict = await compareValues(a, b, options);
  const numbers = verdict.verdict === 'different' ? verdict.numbers : undefined;
  const isClose = numbers && numbers.notFinite === 0 && numbers.maxAbs <= tolerance;
  return isClose ? { verdict: 'same' } : verdict;
}

function viewOf({ storage, dtype, shape, stride, storageOffset, conj, neg }: Tensor): string {
  return JSON.stringify([storage?.key, dtype.name, shape, stride, storageOffset, conj, neg]);
}

/** Parameters are tensors: state_dicts of one model hold either. */
const kindOf = ({ kind }: Tensor): string => (kind === 'parameter' ? 'tensor' : kind);

function aspectDifferences(a: Tensor, b: Tensor, locations: boolean): AspectDifference[] {
  const texts: Record<Aspect, (tensor: Tensor) => string> = {
    shape: ({ shape }) => `[${shape.join(', ')}]`,
    dtype: ({ dtype }) => dtype.name,
    kind: kindOf,
    location: (tensor) => (locations && locationOf(tensor)) || '',
  };
  return (Object.keys(texts) as Aspect[]).flatMap((aspect) => {
    const [ofA, ofB] = [texts[aspect](a), texts[aspect](b)];
    return ofA === ofB || (aspect === 'location' && (ofA === '' || ofB === ''))
      ? []
      : [{ aspect, a: ofA, b: ofB }];
  });
}

function keepsLocations({ container, storages }: Checkpoint): boolean {
  // shards are of one of two formats, and only one of them has devices
  return (
    !WITHOUT_LOCATIONS.has(container.kind) &&
    (container.kind !== 'sharded-index' || storages.some(({ location }) => location !== 'cpu'))
  );
}

function locationNotes(a: Checkpoint, b: Checkpoint): string[] {
  const without = [a, b].filter((each) => !keepsLocations(each));
  const [only] = without;
  if (!only || without.length === 2) return [];
  const away = (only === a ? b : a).storages.some(({ location }) => location !== 'cpu');
  return away
    ? [`Locations are not compared: ${only === a ? 'a' : 'b'} (${only.container.kind}) keeps none.`]
    : [];
}

function partNotes(checkpoints: readonly [Checkpoint, Checkpoint], parts: readonly [Part, Part]): string[] {
  const [a, b] = parts;
  if (a.name === '' && b.name === '' && !a.made && !b.made) return [];
  return parts.flatMap((part, index) => {
    const side = index === 0 ? 'a' : 'b';
    const besides = (checkpoints[index] as Checkpoint).tensors.length - part.tensors.length;
    if (part.made) return [`Of ${side}, ${part.made} is compared.`];
    if (part.name === '') return [];
    const beside = besides > 0 ? `, and not what stands beside it (${counted(besides, 'tensor')})` : '';
    return [`Of ${side}, ${part.name} is compared${beside}.`];
  });
}

async function plainDifferences(
  a: Checkpoint,
  b: Checkpoint,
  [partA, partB]: readonly [Part, Part],
): Promise<{ values: ValueDifference[]; notes: string[] }> {
  const [ofA, ofB] = [
    leavesOf(partA.root, nodesOf(partA), a.source),
    leavesOf(partB.root, nodesOf(partB), b.source),
  ];
  const values = await compareLeaves(ofA, ofB);
  if (a.annotations && b.annotations) {
    const none: ReadonlySet<PyNode> = new Set();
    values.push(
      ...(await compareLeaves(
        leavesOf(a.annotations, none, a.source),
        leavesOf(b.annotations, none, b.source),
      )),
    );
  }
  const notes =
    ofA.cut || ofB.cut
      ? ['There are more values that are no tensors than were compared; the first of them were.']
      : [];
  return { values, notes };
}

function nodesOf({ tensors }: Part): ReadonlySet<PyNode> {
  return new Set(tensors.map(({ tensor }) => tensor.node));
}
