/**
 * Whether a name is on a list of names in which `*` stands for any run of characters: `cuda:*`, `torch.*`. Without backtracking over
 * more than one star, so that a long name from a file costs no more than its length for each star.
 */
export function isListed(name: string, list: readonly string[]): boolean {
  return list.some((pattern) => matches(name, pattern.split('*')));
}

function matches(name: string, pieces: readonly string[]): boolean {
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const next = name.indexOf(piece, at);
    if (next < 0) return false;
    at = next + piece.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}
