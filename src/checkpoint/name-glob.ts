/** Says whether a dotted name is meant. */
export type NameMatcher = (name: string) => boolean;

/**
 * Compiles globs over dotted names: `*` stays within one part, `**` passes dots, `{a,b}`, `[0-3]` and `!(x)` as in shells.
 * A name is meant where any of the globs matches all of it. The glob library is loaded only here, because few runs need it.
 */
export async function compileNameGlobs(globs: readonly string[]): Promise<NameMatcher> {
  const { default: picomatch } = await import('picomatch');
  // picomatch knows paths; a dot of ours is its slash, and a slash in a name is an ordinary letter
  const matches = picomatch(globs.map(toPath), { dot: true, nonegate: true, windows: false });
  return (name) => matches(toPath(name));
}

/** What is mostly wrong with a glob that matches nothing. */
export const GLOB_HINT = "'*' stops at dots, '**' passes them";

const SLASH_LETTER = '\u2215';

function toPath(name: string): string {
  return name.replaceAll('/', SLASH_LETTER).replaceAll('.', '/');
}
