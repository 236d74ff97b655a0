import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { Storage } from '../checkpoint/storage.ts';

/**
 * What torch makes of a location tag. Only the literal `cpu` is the CPU to it; `cpu:0`, `CPU` and an empty tag are `odd-cpu`.
 * `meta` is its own kind: torch loads it without a word, and without data.
 */
export type TagKind = 'cpu' | 'cuda' | 'meta' | 'odd-cpu' | 'exotic';

export function tagKind(tag: string): TagKind {
  if (tag === 'cpu' || tag === 'meta') return tag;
  if (/^cuda(:(0|[1-9]\d*))?$/.test(tag)) return 'cuda';
  return /^(\s*cpu\s*(:\s*\d*)?\s*)?$/i.test(tag) ? 'odd-cpu' : 'exotic';
}

/**
 * How `torch.load` on a machine with nothing but a CPU fails for a tag that is neither of the CPU nor of CUDA: the start of the text
 * of torch 2.13.
 */
export function exoticFailure(tag: string): string {
  const name = tag.match(/^(cuda|xpu|mtia|hpu|privateuseone)(?=$|:|\d)/)?.[0];
  if (name && !/^[a-z]+(:(0|[1-9]\d*))?$/.test(tag)) return `Invalid device string: '${tag}'`;
  if (name === 'xpu' || name === 'mtia')
    return `Attempting to deserialize object on a ${name.toUpperCase()} device but torch.${name}.is_available() is False`;
  if (name) return `The ${name.toUpperCase()} device module is not registered`;
  if (tag.startsWith('mps')) return 'torch.UntypedStorage(): Storage device not recognized: mps';
  return unknownTagFailure(tag);
}

export function unknownTagFailure(tag: string): string {
  return `don't know how to restore data location of torch.storage.UntypedStorage (tagged with ${tag})`;
}

/** Storages of certain tags, in the words of a report. */
export interface Tagged {
  /** The tags, in the order of the storages. */
  readonly tags: readonly string[];
  /** Names of the tensors on these storages; a storage that no listed tensor views is named itself: `storage 3`. */
  readonly subjects: readonly string[];
}

/** Undefined where no storage has such a tag. */
export function findTagged(checkpoint: Checkpoint, matches: (tag: string) => boolean): Tagged | undefined {
  const storages = new Set<Storage>();
  const tags = new Set<string>();
  const judged = new Map<string, boolean>();
  for (const storage of checkpoint.storages) {
    let hit = judged.get(storage.location);
    if (hit === undefined) {
      hit = matches(storage.location);
      judged.set(storage.location, hit);
    }
    if (!hit) continue;
    storages.add(storage);
    tags.add(storage.location);
  }
  if (!storages.size) return undefined;
  const subjects: string[] = [];
  const bare = new Set(storages);
  for (const { storage, name } of checkpoint.tensors) {
    if (!storage || !storages.has(storage)) continue;
    subjects.push(name);
    bare.delete(storage);
  }
  for (const storage of bare) subjects.push(`storage ${storage.key}`);
  return { tags: [...tags], subjects };
}
