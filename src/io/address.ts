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
