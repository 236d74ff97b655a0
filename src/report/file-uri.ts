import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A path as a URI relative to a folder, with slashes and percent signs; absolute where the file stands elsewhere. */
export function relativeUri(path: string, folder: string): string {
  const name = relative(folder, resolve(folder, path)).replaceAll('\\', '/');
  if (name === '' || name === '..' || name.startsWith('../') || /^[A-Za-z]:/.test(name)) {
    return pathToFileURL(resolve(folder, path)).href;
  }
  // a halved surrogate pair has no percent signs
  return name.toWellFormed().split('/').map(encodeURIComponent).join('/');
}
