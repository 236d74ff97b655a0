import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isRemote } from '../io/address.ts';

/** How the files are called that torch and its libraries write. */
export const CHECKPOINT_EXTENSIONS = ['pth', 'pt', 'bin', 'ckpt', 'safetensors'] as const;

/** Folders that hold what somebody else has written. */
const FOREIGN_FOLDERS = ['**/node_modules/**', '**/.git/**'];
const IN_FOREIGN_FOLDER = /(^|\/)(node_modules|\.git)\//;

/** What a path, folder or glob of the command line stands for. */
export interface FoundFiles {
  /** Every file once, sorted; a file that was named but does not exist is among them. */
  readonly files: readonly string[];
  /** Folders and globs in which no checkpoint was found. */
  readonly barren: readonly string[];
}

/**
 * Files as they are named; in folders and below them, every file with the extension of a checkpoint; and what globs match, for shells
 * that expand none.
 * @param passedOver Says of a path whether it is not to be checked. A file that is named itself is passed over too.
 */
export async function findFiles(
  paths: readonly string[],
  passedOver: (path: string) => boolean = () => false,
): Promise<FoundFiles> {
  const files = new Set<string>();
  const barren: string[] = [];
  for (const path of paths) {
    const matched = await expand(path);
    if (!matched.length) barren.push(path);
    for (const file of matched) if (!passedOver(file)) files.add(file);
  }
  return { files: [...files].sort(compare), barren };
}

async function expand(path: string): Promise<readonly string[]> {
  if (isRemote(path)) return [path];
  const stats = await stat(path).catch(() => undefined);
  const isPattern = !stats && /[*?{}[\]!()]/.test(path);
  if (!stats?.isDirectory() && !isPattern) return [path];
  const { glob } = await import('tinyglobby');
  if (isPattern) {
    const found = await glob(path.replaceAll('\\', '/'), {
      expandDirectories: false,
      ignore: FOREIGN_FOLDERS,
    });
    // what is to be ignored is only looked for below the current folder
    return found.filter((name) => !IN_FOREIGN_FOLDER.test(name));
  }
  const found = await glob(`**/*.{${CHECKPOINT_EXTENSIONS.join(',')}}`, {
    cwd: path,
    caseSensitiveMatch: false,
    ignore: FOREIGN_FOLDERS,
  });
  return found.map((name) => join(path, name));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
