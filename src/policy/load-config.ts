import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { RefusedError } from '../io/errors.ts';
import type { Config } from './config.ts';

/** A configuration, and the folder that its paths and globs start from. */
export interface LoadedConfig {
  readonly config: Config;
  readonly folder: string;
  /** Undefined where nothing was found. */
  readonly file: string | undefined;
}

const PLACES = ['ckpt-doctor.config.json', 'package.json'];

/**
 * Reads the file that `--config` names, or else finds `ckpt-doctor.config.json` or a package.json with the key `ckpt-doctor`: in the
 * current folder and above it as far as the repository goes, never beyond: what stands in a folder that others can write to must not
 * decide what passes. JSON alone: to read a configuration must not run anything.
 * @throws RefusedError when the file can't be read or is no valid configuration.
 */
export async function loadConfig(named: string | undefined, cwd = process.cwd()): Promise<LoadedConfig> {
  const { lilconfig } = await import('lilconfig');
  const searcher = lilconfig('ckpt-doctor', {
    searchPlaces: PLACES,
    stopDir: repositoryOf(cwd),
    loaders: Object.fromEntries(['.json', '.js', '.mjs', '.cjs', 'noExt'].map((kind) => [kind, parseJson])),
  });
  let found: Awaited<ReturnType<typeof searcher.search>>;
  try {
    found = await (named === undefined ? searcher.search(cwd) : searcher.load(resolve(cwd, named)));
  } catch (error) {
    throw error instanceof RefusedError ? error : new RefusedError(`${named}: ${reasonOf(error)}`);
  }
  if (!found) return { config: {}, folder: cwd, file: undefined };
  const file = relative(cwd, found.filepath) || found.filepath;
  if (found.isEmpty) throw new RefusedError(`${file}: the configuration is empty; an empty policy is {}`);
  const { parseConfig } = await import('./config-schema.ts');
  return { config: parseConfig(found.config, file), folder: dirname(found.filepath), file };
}

function parseJson(path: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new RefusedError(`${relative(process.cwd(), path)}: this is no JSON: ${reasonOf(error)}`);
  }
}

/** The nearest folder that a repository begins in; the folder itself where there is none. */
function repositoryOf(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (at === dirname(at)) return folder;
  }
}

function reasonOf(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'no such file';
  return error instanceof Error ? error.message.replaceAll('\n', ' ') : String(error);
}
