/** What torch puts around the telling part of a message: advice that many errors share. */
const ADVICE: readonly RegExp[] = [
  /This file can still be loaded, to do so you have two options[\s\S]*?following error message\.?/g,
  /In PyTorch 2\.6, we changed the default value[\s\S]*?(trusted source\.?|from `False` to `True`\.?)/g,
  /Re-running `torch\.load`[\s\S]*?trusted source\.?/g,
  /Please file an issue with the following[\s\S]*?use case:?/g,
  /Please use `?torch\.serialization\.add_safe_globals[\s\S]*?trust this class\/function\.?/g,
  /Check the documentation of torch\.load[\s\S]*?\.html\.?/g,
  /This is an internal miniz error[\s\S]*$/g,
  /If you are running on a CPU-only machine, please use torch\.load[\s\S]*?to the CPU\.?/g,
  /Weights only load failed[.…\s]*/g,
  /(_?pickle\.)?UnpicklingError:?|WeightsUnpickler error:?/g,
  /^(Traceback \(most recent call last\):|\s*File ".*", line \d+.*|\s*\^+)$/gm,
];

/** Keys that a model missed and keys that it did not expect, as `load_state_dict` lists them; quotes may be lost. */
export function keysInError(text: string): { missing: string[]; unexpected: string[] } {
  const listAfter = (head: RegExp) => {
    const list = plainText(text).match(head)?.[1] ?? '';
    return list.match(/[\w.:/-]*[\w]/g) ?? [];
  };
  return {
    missing: listAfter(/Missing key\(s\) in state_dict:([\s\S]*?)(?:Unexpected key|size mismatch|$)/i),
    unexpected: listAfter(
      /unexpected key(?:\(s\) in state_dict:)?([\s\S]*?)(?:size mismatch|While copying| in state_dict|$)/i,
    ),
  };
}

/** A message in words that can be compared: what stands in quotes apart, numbers and letters of a first byte in one form. */
export interface ErrorWords {
  /** Words outside of quotes, in order. */
  readonly plain: readonly string[];
  /** Words inside of quotes: names of keys, classes and modules, which differ from user to user. */
  readonly quoted: readonly string[];
}

const QUOTED = /"[^"\n]*"|(?<![\w)\]])'[^'\n]*'(?!\w)/g;

export function errorWords(text: string): ErrorWords {
  const telling = withoutAdvice(plainText(text));
  const marked = telling
    .replace(/Unsupported operand (\d+)/gi, (_, code: string) => `Unsupported operand byte_${code}`)
    .replace(
      /invalid load key, '((?:\\x[0-9a-f]{2}|\\?[^']))'/gi,
      (_, key: string) => `invalid load key byte_${byteOf(key)}`,
    )
    .replace(/torch\.Size\(\[([^\]]*)\]\)/g, (_, size: string) =>
      /^[01]$/.test(size) ? `size_${size}` : 'size_n',
    );
  const quoted: string[] = [];
  const unnamed = marked.replace(
    /\b(GLOBAL|Unsupported class) ([\w.]+)/g,
    (_, word: string, name: string) => {
      quoted.push(name);
      return word;
    },
  );
  const plain = unnamed.replace(QUOTED, (part) => {
    quoted.push(part.slice(1, -1));
    return ' ';
  });
  return { plain: wordsOf(plain), quoted: quoted.flatMap(wordsOf) };
}

function plainText(text: string): string {
  return text
    .replace(/\u001b\[[0-9;]*m/g, '')
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"');
}

/** Where nothing but advice was pasted, that is all there is to go by. */
function withoutAdvice(text: string): string {
  const telling = ADVICE.reduce((rest, pattern) => rest.replace(pattern, ' '), text);
  return /\w/.test(telling) ? telling : text;
}

function byteOf(key: string): number {
  if (key.startsWith('\\x')) return Number.parseInt(key.slice(2), 16);
  const named: Readonly<Record<string, number>> = { '\\n': 10, '\\r': 13, '\\t': 9, '\\\\': 92 };
  return named[key] ?? key.charCodeAt(0);
}

function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/\p{L}[\p{L}\d_]*|_[\p{L}\d_]+|\d+/gu) ?? [];
  return words.map((word) => (/^(byte|size)_/.test(word) ? word : word.replace(/\d+/g, '#')));
}
