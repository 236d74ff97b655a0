import type { NamedTensor, RenamedBy, TensorPair } from './comparison.ts';
import { unwrapped } from './part.ts';

/** What is left of both sides while tensors find each other. */
export class Unmatched {
  readonly a: Map<string, NamedTensor>;
  readonly b: Map<string, NamedTensor>;
  readonly pairs: TensorPair[] = [];

  constructor(a: readonly NamedTensor[], b: readonly NamedTensor[]) {
    this.a = new Map(a.map((each) => [each.name, each]));
    this.b = new Map(b.map((each) => [each.name, each]));
  }

  pair(a: NamedTensor, b: NamedTensor, renamedBy?: RenamedBy): void {
    this.a.delete(a.name);
    this.b.delete(b.name);
    this.pairs.push({ a, b, ...(renamedBy && { renamedBy }) });
  }
}

/** Names that are the same on both sides. */
export function matchSameNames(left: Unmatched): void {
  for (const a of [...left.a.values()]) {
    const b = left.b.get(a.name);
    if (b) left.pair(a, b);
  }
}

/** Names that are the same without what wrappers put into them, where that leaves no doubt. */
export function matchWrappedNames(left: Unmatched): void {
  const bare = byOnlyName(left.b.values(), ({ name }) => unwrapped(name));
  for (const [name, a] of byOnlyName(left.a.values(), (each) => unwrapped(each.name))) {
    const b = bare.get(name);
    if (a && b) left.pair(a, b, 'wrapper');
  }
}

/** Each under its only name; undefined under a name that several have. */
function byOnlyName(
  tensors: Iterable<NamedTensor>,
  nameOf: (tensor: NamedTensor) => string,
): Map<string, NamedTensor | undefined> {
  const found = new Map<string, NamedTensor | undefined>();
  for (const tensor of tensors) {
    const name = nameOf(tensor);
    found.set(name, found.has(name) ? undefined : tensor);
  }
  return found;
}

/** Parts of a name, from its end, that are looked up: models are a dozen deep, and a made name may have a part for each letter. */
const MOST_PARTS = 24;
/** A prefix that only one tensor speaks for is no prefix but a guess. */
const FEWEST_VOTES = 2;

/** The prefix of a name on side a, and what stands in its place on side b. */
interface Change {
  readonly from: string;
  readonly to: string;
  votes: number;
}

/**
 * Names of which a beginning was exchanged: `model.` for nothing, `backbone.` for `encoder.`. Each tensor votes for the change
 * that makes the longest end of its name one that stands on the other side once, in the same shape; the change with the most votes
 * is taken first.
 */
export function matchPrefixes(left: Unmatched): void {
  for (const change of changesOf(left)) {
    for (const a of [...left.a.values()]) {
      if (!a.name.startsWith(change.from)) continue;
      const b = left.b.get(change.to + a.name.slice(change.from.length));
      if (b && sameShape(a, b)) left.pair(a, b, 'prefix');
    }
  }
}

function changesOf({ a, b }: Unmatched): Change[] {
  const ends = new Map<string, NamedTensor | undefined>();
  for (const tensor of b.values())
    for (const end of endsOf(tensor.name)) ends.set(end, ends.has(end) ? undefined : tensor);
  const changes = new Map<string, Change>();
  for (const tensor of a.values()) {
    const end = endsOf(tensor.name).find((each) => ends.get(each) !== undefined);
    const other = end === undefined ? undefined : ends.get(end);
    if (end === undefined || !other || !sameShape(tensor, other)) continue;
    const from = tensor.name.slice(0, tensor.name.length - end.length);
    const to = other.name.slice(0, other.name.length - end.length);
    const key = JSON.stringify([from, to]);
    const change = changes.get(key) ?? { from, to, votes: 0 };
    change.votes++;
    changes.set(key, change);
  }
  return [...changes.values()]
    .filter(
      ({ votes, from, to }) =>
        votes >= FEWEST_VOTES || ((from === '' || to === '') && Math.min(a.size, b.size) === 1),
    )
    .sort((one, other) => other.votes - one.votes || other.from.length - one.from.length);
}

/** `a.b.c`, `b.c`, `c`. */
function endsOf(name: string): string[] {
  const ends = [name];
  for (let at = name.indexOf('.'); at >= 0 && ends.length < MOST_PARTS; at = name.indexOf('.', at + 1))
    ends.push(name.slice(at + 1));
  return ends;
}

function sameShape({ tensor: a }: NamedTensor, { tensor: b }: NamedTensor): boolean {
  return a.shape.length === b.shape.length && a.shape.every((size, dim) => size === b.shape[dim]);
}
