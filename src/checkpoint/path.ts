/**
 * Where a value stands: dict keys and object attributes (string), integer dict keys and list indexes (number).
 * A constructor argument of an object that torch would build is `()N`, an attribute set on a mapping is `@name`.
 */
export type Path = readonly (string | number)[];

/** The dotted name that `inspect` prints and `--filter` matches: `state_dict.module.conv1.weight`. */
export function pathName(path: Path): string {
  const only = path[0];
  return path.length === 1 && typeof only === 'string' ? only : path.join('.');
}
