import type { RenamedTensor } from '../diff-document.ts';

/** Tensors that were renamed alike: `module.*` is now `*`. */
export interface PrefixChange {
  readonly from: string;
  readonly to: string;
  readonly by: RenamedTensor['by'];
  readonly count: number;
}

/** Puts names together of which the same beginning was exchanged; the largest groups come first, each other name stands by itself. */
export function prefixChanges(renamed: readonly RenamedTensor[]): PrefixChange[] {
  const groups = new Map<string, { change: PrefixChange; members: RenamedTensor[] }>();
  for (const each of renamed) {
    const [from, to] = beginnings(each);
    const key = JSON.stringify([from, to, each.by]);
    const known = groups.get(key);
    if (known) known.members.push(each);
    else groups.set(key, { change: { from, to, by: each.by, count: 0 }, members: [each] });
  }
  return [...groups.values()]
    .flatMap(({ change, members }) =>
      members.length > 1
        ? [{ ...change, from: `${change.from}*`, to: `${change.to}*`, count: members.length }]
        : members.map(({ from, to, by }) => ({ from, to, by, count: 1 })),
    )
    .sort((a, b) => b.count - a.count);
}

/** What is left of two names without the longest end that they share, cut at a dot. */
function beginnings({ from, to }: RenamedTensor): [string, string] {
  let same = 0;
  while (same < Math.min(from.length, to.length) && from.at(-1 - same) === to.at(-1 - same)) same++;
  // back to where a part of both names begins
  while (same > 0 && !(startsPart(from, same) && startsPart(to, same))) same--;
  return [from.slice(0, from.length - same), to.slice(0, to.length - same)];
}

function startsPart(name: string, length: number): boolean {
  return length === name.length || name.at(-1 - length) === '.';
}
