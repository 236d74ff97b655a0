/** Whether a path is an address: `https://…`, `http://…`, or `hf://org/name/file` of the Hugging Face hub. */
export function isRemote(path: string): boolean {
  return /^(https?|hf):\/\//i.test(path);
}

/** An address as it may be printed: without user, password and query, in which tokens stand. */
export function printableAddress(path: string): string {
  try {
    const { protocol, host, pathname } = new URL(path);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return path;
  }
}

/**
 * The address of another file in the same folder of the same server, with the query of the first: a token in it is meant for the
 * folder as well. A name that leads elsewhere gives none: who wrote the first file must not choose what is asked for.
 */
export function siblingAddress(address: string, name: string): string | undefined {
  if (name === '' || name === '.' || name === '..' || /[\\/\0]/.test(name)) return undefined;
  const [, folder, query] = /^([^?#]*\/)[^/?#]*(\?[^#]*)?/.exec(address) ?? [];
  // an address of the hub is made of plain names, which are encoded when it is asked for
  if (/^hf:/i.test(address)) return `${folder}${name}`;
  return `${folder}${encodeURIComponent(name)}${query ?? ''}`;
}
