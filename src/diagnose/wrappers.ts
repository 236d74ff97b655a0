import type { StateDict } from '../checkpoint/state-dicts.ts';
import type { RuleResult } from './define-rule.ts';
import type { Examination } from './examination.ts';
import { counted, listed, namesOf, namesUnder, placeName, printable } from './wording.ts';

/** `DataParallel`'s prefix may as well be the name of a real child; the others are no names that a person gives. */
const PLAIN_WORD = 'module.';
/** The prefixes that wrappers of torch and Lightning put before the keys of the model inside. */
export const WRAPPER_PREFIXES = [
  PLAIN_WORD,
  '_orig_mod.',
  '_fsdp_wrapped_module.',
  '_checkpoint_wrapped_module.',
  '_forward_module.',
] as const;
export type WrapperPrefix = (typeof WRAPPER_PREFIXES)[number];
/** The buffer that `torch.optim.swa_utils.AveragedModel` has beside the model that it wraps. */
const BESIDE_WRAPPED = 'n_averaged';

/** The wrappers around the keys of one state_dict. */
export interface Wrapping {
  readonly stateDict: StateDict;
  /** For each tensor key what wrappers put before it: `_orig_mod.module.`; empty where they put nothing. */
  readonly prefixes: readonly string[];
  /** Each of these once: they are few, where keys may be a hundred thousand. */
  readonly kinds: readonly string[];
  /** The indexes of the keys with a part that begins with an underscore: in no other can a wrapper stand in the middle. */
  readonly marked: readonly number[];
}

export function findWrappings(stateDicts: readonly StateDict[]): Wrapping[] {
  return stateDicts.map(wrappingOf);
}

/** Whether a key goes on after the name of a wrapper that stands at `at`. */
function begins(key: string, wrapper: string, at: number): boolean {
  return key.length > at + wrapper.length && key.startsWith(wrapper, at);
}

/** What is before a key hangs on the chain of wrappers that it begins with: one key of each chain is enough to find it. */
function wrappingOf(stateDict: StateDict): Wrapping {
  const keys = stateDict.tensorKeys;
  const chains: string[] = new Array(keys.length);
  const samples = new Map<string, string>();
  const marked: number[] = [];
  let chain = '';
  let isAveraged = false;
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string;
    if (key === BESIDE_WRAPPED) {
      isAveraged = true;
      chains[index] = '';
      continue;
    }
    if (samples.size === 0 || !beginsWithNoMoreThan(key, chain)) {
      chain = chainOf(key);
      samples.set(chain, key);
    }
    chains[index] = chain;
    if (key.charCodeAt(0) === UNDERSCORE || key.includes('._')) marked.push(index);
  }
  const peeled = peel([...samples.values()]);
  const prefixOf = new Map([...samples.keys()].map((chain, index) => [chain, peeled[index] as string]));
  const arePeeled = [...prefixOf].every(([chain, prefix]) => chain === prefix);
  const kinds = new Set(prefixOf.values());
  if (isAveraged) kinds.add('');
  return {
    stateDict,
    prefixes: arePeeled ? chains : chains.map((chain) => prefixOf.get(chain) ?? ''),
    kinds: [...kinds],
    marked,
  };
}

const UNDERSCORE = 0x5f;
const FIRST_LETTERS = [...new Set(WRAPPER_PREFIXES.map((wrapper) => wrapper.charCodeAt(0)))];

/** Whether a key has this chain of wrappers, and no other behind it: there its next letter is enough to tell. */
function beginsWithNoMoreThan(key: string, chain: string): boolean {
  if (key.length <= chain.length || !key.startsWith(chain)) return false;
  return !FIRST_LETTERS.includes(key.charCodeAt(chain.length));
}

/** All wrappers that a key begins with, up to one that comes again: each is peeled once. */
function chainOf(key: string): string {
  let chain = '';
  for (;;) {
    const next = WRAPPER_PREFIXES.find((wrapper) => begins(key, wrapper, chain.length));
    if (!next || `.${chain}`.includes(`.${next}`)) return chain;
    chain += next;
  }
}

/** Peels one wrapper after the other, each once. `module.` counts where all keys have it at the same depth. */
function peel(keys: readonly string[]): string[] {
  const prefixes = keys.map(() => '');
  const left = new Set<WrapperPrefix>(WRAPPER_PREFIXES);
  const hasNext = (key: string, wrapper: string, index: number) =>
    begins(key, wrapper, (prefixes[index] as string).length);
  for (;;) {
    const next = [...left].find((wrapper) => {
      const have = keys.filter((key, index) => hasNext(key, wrapper, index)).length;
      return wrapper === PLAIN_WORD ? have > 0 && have === keys.length : have > 0;
    });
    if (!next) return prefixes;
    left.delete(next);
    keys.forEach((key, index) => {
      if (hasNext(key, next, index)) prefixes[index] += next;
    });
  }
}

/**
 * What to say of the keys that a wrapper put its prefix before. Where wrappers stand in each other, the flags name the whole prefix;
 * the longest come first, because a shorter one would take the start off them.
 */
export function wrapperResult(
  wrapper: WrapperPrefix,
  { wrappings }: Pick<Examination, 'wrappings'>,
  origin = '',
): RuleResult | undefined {
  const has = (prefix: string): boolean => `.${prefix}`.includes(`.${wrapper}`);
  const wrapped = wrappings.filter(({ kinds }) => kinds.some(has));
  if (!wrapped.length) return undefined;
  const subjects = namesOf(wrapped.map((wrapping) => wrappedKeys(wrapping, has)));
  const all = wrapped.reduce((sum, { stateDict }) => sum + stateDict.tensorKeys.length, 0);
  const share =
    subjects.length === all ? `All ${counted(all, 'key')}` : `${subjects.length} of ${counted(all, 'key')}`;
  const found = [...new Set(wrapped.flatMap(({ kinds }) => kinds.filter(has)))];
  const { stateDict, prefixes } = wrapped[0] as Wrapping;
  const index = prefixes.findIndex(has);
  const key = stateDict.tensorKeys[index] as string;
  const bare = key.slice((prefixes[index] as string).length);
  return {
    message: `${share} in ${listed(wrapped.map(({ stateDict: { path } }) => placeName(path)))} begin with ${listed(found.map((prefix) => `"${prefix}"`))}${origin}: load_state_dict of the bare model fails with 'Missing key(s) in state_dict: "${printable(bare)}" … Unexpected key(s) in state_dict: "${printable(key)}"'. With strict=False it says nothing and loads nothing.`,
    subjects,
    fix: stripFlags(found, wrappings),
  };
}

/** The keys before which a certain kind of prefix stands. */
function wrappedKeys(
  { stateDict: { path, tensorKeys }, prefixes, kinds }: Wrapping,
  has: (prefix: string) => boolean,
) {
  const hits = new Set(kinds.filter(has));
  const keys =
    hits.size === kinds.length
      ? tensorKeys
      : tensorKeys.filter((_, index) => hits.has(prefixes[index] as string));
  return { path, keys };
}

function stripFlags(found: readonly string[], wrappings: readonly Wrapping[]): string[] {
  const longerModule = wrappings.some(({ kinds }) =>
    kinds.some((prefix) => prefix.startsWith(PLAIN_WORD) && prefix !== PLAIN_WORD),
  );
  return found
    .toSorted((a, b) => b.length - a.length)
    .flatMap((prefix) =>
      prefix === PLAIN_WORD && !longerModule ? ['--strip-module'] : ['--strip-prefix', prefix],
    );
}

/** Keys with a wrapper's prefix in their middle: a part of the model was wrapped. */
export function innerWrapperResult(
  wrappers: readonly WrapperPrefix[],
  { wrappings }: Pick<Examination, 'wrappings'>,
  origin: string,
): RuleResult | undefined {
  const marks = wrappers.map((wrapper) => `.${wrapper}`);
  const subjects = wrappings.flatMap(({ stateDict: { path, tensorKeys }, prefixes, marked }) =>
    marked
      .filter((index) => {
        const key = tensorKeys[index] as string;
        if (!wrappers.some((wrapper) => key.includes(wrapper))) return false;
        const rest = `.${key.slice((prefixes[index] as string).length)}`;
        return marks.some((mark) => rest.slice(0, -1).includes(mark));
      })
      .map((index) => tensorKeys[index] as string)
      .map(namesUnder(path)),
  );
  if (!subjects.length) return undefined;
  const ambiguous = wrappings.some(hasPartialModule);
  const cure = ambiguous
    ? `fix --strip-wrappers takes it out, and "${PLAIN_WORD}" before other keys as well, which may be a real name here.`
    : 'fix --strip-wrappers takes it out.';
  return {
    message: `${counted(subjects.length, 'key has', 'keys have')} ${listed(wrappers.filter((wrapper) => subjects.some((name) => name.includes(`.${wrapper}`))).map((wrapper) => `"${wrapper}"`))} in the middle, from a part of the model that was wrapped${origin}: load_state_dict of the bare model fails with 'Missing key(s) in state_dict', 'Unexpected key(s) in state_dict: "${printable(subjects[0] as string)}"'. ${cure}`,
    subjects,
    fix: ambiguous ? [] : ['--strip-wrappers'],
  };
}

/** Some keys begin with `module.` and others do not. */
function hasPartialModule({ stateDict: { tensorKeys }, prefixes }: Wrapping): boolean {
  return tensorKeys.some(
    (key, index) => key.startsWith(PLAIN_WORD) && !prefixes[index]?.startsWith(PLAIN_WORD),
  );
}
