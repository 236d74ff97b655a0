import type { GlobalUse } from '../checkpoint/checkpoint.ts';
import type { PyGlobal } from '../pickle/values.ts';
import { isAllowedGlobal } from '../torch/allowlist.ts';

/** The names of a pickle, and what `weights_only` says to them. */
export function globalUses(globals: readonly PyGlobal[]): GlobalUse[] {
  return globals.map(({ qualifiedName, module, name, uses, offset }) => ({
    name: qualifiedName,
    count: uses,
    weightsOnly: isAllowedGlobal(module, name),
    offset,
  }));
}

/** The names of several pickles, in the order of first mention; offsets are those of the first pickle that has the name. */
export function mergedUses(
  first: readonly GlobalUse[],
  ...others: (readonly GlobalUse[])[]
): readonly GlobalUse[] {
  if (others.every((uses) => uses.length === 0)) return first;
  const merged = new Map(first.map((use) => [use.name, use]));
  for (const use of others.flat()) {
    const known = merged.get(use.name);
    merged.set(use.name, known ? { ...known, count: known.count + use.count } : use);
  }
  return [...merged.values()];
}
