/** What computed the numbers. */
export interface BackendEntry {
  /** `builtin`, or the npm package that did it. */
  readonly name: string;
  readonly version?: string;
  /** A GPU was in use. */
  readonly gpu: boolean;
}

export const BUILTIN: BackendEntry = { name: 'builtin', gpu: false };

/** An entry of what has more to tell. */
export function backendEntry({ name, version, gpu }: Required<BackendEntry>): BackendEntry {
  return { name, version, gpu };
}

/** In words, where it is not the program itself. */
export function backendText({ name, version, gpu }: BackendEntry): string | undefined {
  if (name === BUILTIN.name) return undefined;
  return `computed by ${name}${version ? ` ${version}` : ''}, ${gpu ? 'on a GPU' : 'without a GPU'}`;
}
