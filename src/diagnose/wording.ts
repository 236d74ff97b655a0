import { type Path, pathName } from '../checkpoint/path.ts';

/** Longest piece of a file's own text in a message. */
const LONGEST_QUOTE = 80;

/** `1 tensor`, `62 tensors`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** The first few of some names, and how many there are besides. */
export function listed(names: readonly string[], limit = 3): string {
  const shown = names.slice(0, limit).map(printable);
  const rest = names.length - shown.length;
  if (rest > 0) return `${shown.join(', ')} and ${rest} more`;
  return shown.length > 1 ? `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}` : (shown[0] ?? '');
}

/** Where a mapping stands, in the middle of a sentence. */
export function placeName(path: Path): string {
  return path.length ? printable(pathName(path)) : 'the root';
}

/** What a file is called in its folder. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).findLast((part) => part !== '') ?? path;
}

/** Names of what stands under a path, by their keys. */
export function namesUnder(path: Path): (key: string) => string {
  const place = path.length ? `${pathName(path)}.` : '';
  return place === '' ? (key) => key : (key) => place + key;
}

/** The same for all keys of some mappings; of a single one at the root they are the names. */
export function namesOf(found: readonly { path: Path; keys: readonly string[] }[]): readonly string[] {
  const names = found.map(({ path, keys }) => (path.length > 0 ? keys.map(namesUnder(path)) : keys));
  return names.length === 1 ? (names[0] as readonly string[]) : names.flat();
}

/** Nearly all text: what it holds for need not be held against an expression over all of Unicode. */
export const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * Text from the file as it may stand in a message: control characters and those that turn the writing direction are spelt out, so
 * that no key can draw on a terminal, and what is very long is cut.
 */
export function printable(text: string): string {
  if (text.length <= LONGEST_QUOTE && PRINTABLE_ASCII.test(text)) return text;
  const cut = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE - 1)}…` : text;
  return cut.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, '0')}`,
  );
}
