import { OPCODES, opcodeName } from '../pickle/opcodes.ts';
import { tagKind } from './device-tags.ts';
import { errorWords, keysInError } from './error-text.ts';
import { ruleOfUnexpectedKeys } from './key-names.ts';
import { ruleOfGlobal, runsCode } from './refused-globals.ts';
import { isRefusedOpcode } from './weights-only-opcodes.ts';

/** The page of a rule: its id and its text. */
export interface RulePage {
  readonly id: string;
  readonly markdown: string;
}

export interface ErrorMatch {
  readonly id: string;
  /** The line of the page that is most like what was asked; undefined where a name in the text decided. */
  readonly text: string | undefined;
  readonly score: number;
}

interface Pattern {
  readonly id: string;
  readonly text: string;
  /** How much of its score counts. */
  readonly factor: number;
  /** Words and pairs of neighbours. */
  readonly plain: readonly string[];
  readonly quoted: readonly string[];
}

/** The part of a pattern that has to be in the text, by weight. */
const LEAST_COVER = 0.6;
/** A piece of a message tells a little less than all of it. */
const PIECE_FACTOR = 0.9;
/** A match on common words alone (`KeyError`) says nothing. */
const LEAST_SCORE = 2.5;
/** A script looks for the weights under another key than the one that saved them. */
const WRAPPER_KEY =
  /^\s*KeyError: ['"]?(state_dict|model_state_dict|model_state|model|net|network|module|ema|ema_state_dict|params|params_ema|weights|generator|state)['"]?\s*$/;
/** Matches this close to the best are told beside it. */
const NEAR = 0.8;
const MOST_MATCHES = 4;
/** What a name in the text is worth that decides by itself, whatever the words around it. */
const DECISIVE = 12;
/** Rules that are silent until a user asks: whoever looks up an error more likely means another. */
const ASKED = /^(policy|budget|expect)\//;
const ASKED_FACTOR = 0.8;
/** A page opens with the errors that it is about; what stands further down belongs to others as well. */
const PLACE_FACTOR = 0.98;

/** The error texts at the head of a page: the lines of its fences before the first section. */
export function errorTextsOf(markdown: string): string[] {
  const head = markdown.split(/^## /m, 1)[0] as string;
  return [...head.matchAll(/^```text\n([\s\S]*?)^```/gm)].flatMap(([, body]) =>
    (body as string)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  );
}

/** Finds rules by the text of an error, from what their pages quote. */
export class ErrorLookup {
  readonly #patterns: readonly Pattern[];
  readonly #weights: ReadonlyMap<string, number>;
  /** What a word weighs that is on no page. */
  readonly #unknown: number;

  constructor(pages: readonly RulePage[]) {
    this.#patterns = pages.flatMap(({ id, markdown }) =>
      errorTextsOf(markdown).map((text, place) => {
        const { plain, quoted } = errorWords(text);
        const factor = (ASKED.test(id) ? ASKED_FACTOR : 1) * PLACE_FACTOR ** Math.min(place, 9);
        return { id, text, factor, plain: withPairs(plain), quoted: namesOf(quoted) };
      }),
    );
    this.#weights = rarity(this.#patterns);
    this.#unknown = Math.max(0, ...this.#weights.values());
  }

  /** The rules that speak of the text, the likeliest first; empty where none does. */
  find(text: string): ErrorMatch[] {
    const { plain, quoted } = errorWords(text);
    // a shell takes quotes away, so that a name may stand among the words
    const words = new Set([...withPairs(plain), ...namesOf([...plain, ...quoted])]);
    const name = globalIn(text);
    const asked = this.#weigh(withPairs(plain), this.#unknown);
    const best = new Map<string, ErrorMatch>();
    for (const pattern of this.#patterns) {
      const sameGlobal = name !== undefined && globalIn(pattern.text) === name;
      const score = this.#score(pattern, words, asked) + (sameGlobal ? DECISIVE : 0);
      if (score > (best.get(pattern.id)?.score ?? 0))
        best.set(pattern.id, { id: pattern.id, text: pattern.text, score });
    }
    for (const id of decidedBy(text)) {
      const match = best.get(id);
      // where the page itself quotes the name, that has counted already
      const counted = name !== undefined && match?.text !== undefined && globalIn(match.text) === name;
      best.set(id, { id, text: match?.text, score: (match?.score ?? 0) + (counted ? 0 : DECISIVE) });
    }
    const matches = [...best.values()]
      .filter(({ score }) => score >= LEAST_SCORE)
      .sort((a, b) => b.score - a.score);
    const top = matches[0]?.score ?? 0;
    return matches.filter(({ score }) => score >= NEAR * top).slice(0, MOST_MATCHES);
  }

  /** The sum of what words weigh; those on no page count nothing, or what is given. */
  #weigh(features: readonly string[], unknown = 0): number {
    return features.reduce((total, feature) => total + (this.#weights.get(feature) ?? unknown), 0);
  }

  #score({ plain, quoted, factor }: Pattern, words: ReadonlySet<string>, asked: number): number {
    const sum = (features: readonly string[]) => this.#weigh(features);
    const all = sum(plain);
    const found = sum(plain.filter((feature) => words.has(feature)));
    const whole = all > 0 ? found / all : 0;
    // what was pasted may be a piece of what the page quotes
    const cover = Math.max(whole, PIECE_FACTOR * (found / asked));
    if (cover < LEAST_COVER) return 0;
    const named = sum(quoted.filter((word) => words.has(word)));
    const missing = sum(quoted.filter((word) => !words.has(word)));
    return factor * (cover * cover * found + named - missing / 4);
  }
}

function withPairs(words: readonly string[]): string[] {
  const features = new Set(words);
  for (let i = 1; i < words.length; i++) features.add(`${words[i - 1]} ${words[i]}`);
  return [...features];
}

/** A word in quotes is another word than the same outside of them: `in state_dict`, `KeyError: 'state_dict'`. */
function namesOf(words: readonly string[]): string[] {
  return [...new Set(words.map((word) => `'${word}'`))];
}

/** A word that stands on few pages tells more than one that stands on all. */
function rarity(patterns: readonly Pattern[]): Map<string, number> {
  const pages = new Map<string, Set<string>>();
  for (const { id, plain, quoted } of patterns)
    for (const feature of [...plain, ...quoted]) {
      const ids = pages.get(feature) ?? new Set();
      pages.set(feature, ids.add(id));
    }
  const count = new Set(patterns.map(({ id }) => id)).size;
  return new Map([...pages].map(([feature, ids]) => [feature, Math.log(1 + count / ids.size) / 2]));
}

/** The name that `weights_only` refused. */
function globalIn(text: string): string | undefined {
  const match = text.match(/\bGLOBAL ([\w.]+)|Unsupported class ([\w.]+)/);
  return (match?.[1] ?? match?.[2])?.replace(/\.$/, '');
}

/** Rules that a name in the text points at by the same tables that the rules go by. */
function decidedBy(text: string): string[] {
  const ids: string[] = [];
  const name = globalIn(text);
  if (name) {
    ids.push(ruleOfGlobal(name));
    if (runsCode(name.includes('.') ? name : `builtins.${name}`)) ids.push('safety/dangerous-global');
  }
  const operand = text.match(/Unsupported operand (\d+)/)?.[1];
  if (operand && isRefusedOpcode(Number(operand))) ids.push('pickle/protocol');
  const module = text.match(/No module named ['"]?([\w.]+)/)?.[1];
  if (module) ids.push(ruleOfGlobal(`${module}.name`));
  const tag = text.match(/\(tagged with ([^)]*)\)/)?.[1];
  if (tag !== undefined)
    ids.push(tagKind(tag) === 'odd-cpu' ? 'device/nonstandard-cpu-tag' : 'device/exotic-tag');
  // all that Python says of an empty file
  if (/^\s*EOFError:?\s*$/.test(text)) ids.push('content/empty');
  if (WRAPPER_KEY.test(text)) ids.push('layout/nested-state-dict');
  if (/__MACOSX|\.DS_Store/.test(text)) ids.push('zip/foreign-entries');
  const { missing, unexpected } = keysInError(text);
  // the model is wrapped and the file is not
  const wrapped = missing.length > 0 && missing.every((key) => key.startsWith('module.'));
  const ofKeys = wrapped ? 'keys/module-prefix' : ruleOfUnexpectedKeys(unexpected);
  if (ofKeys) ids.push(ofKeys);
  return ids;
}

/** What the number of an operand or the letter of a load key means; undefined where the text has none. */
export function byteMeaning(text: string): string | undefined {
  const word = errorWords(text).plain.find((each) => each.startsWith('byte_'));
  if (!word) return undefined;
  const byte = Number(word.slice('byte_'.length));
  if (byte > 0xff) return undefined;
  const shown =
    byte > 0x20 && byte < 0x7f
      ? `the letter '${String.fromCharCode(byte)}'`
      : `the byte 0x${byte.toString(16).padStart(2, '0')}`;
  const first =
    byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `0x${byte.toString(16).padStart(2, '0')}`;
  return OPCODES[byte]
    ? `${byte} is the opcode ${opcodeName(byte)} of a pickle, or ${shown} where the file begins with it.`
    : `${byte} is ${shown}, which no pickle has: most likely the file begins with ${first} and is no checkpoint.`;
}
