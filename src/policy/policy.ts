import { relative, resolve } from 'node:path';
import type { RuleOptions } from '../diagnose/define-rule.ts';
import type { RuleSetting } from '../diagnose/engine.ts';
import type { ExpectedKeys } from '../diagnose/expected-keys.ts';
import type { Severity } from '../diagnose/finding.ts';
import type { Allowed, Budgets, Demands, PresetName } from './config.ts';
import { readKeys } from './keys-file.ts';
import type { LoadedConfig } from './load-config.ts';
import { PRESETS } from './presets.ts';
import { inOrderOfCloseness, rulesNamed, settingOf } from './rule-requests.ts';

/** What is asked of one file. */
export interface FilePolicy {
  readonly settings: ReadonlyMap<string, RuleSetting>;
  readonly failOn: Severity;
  readonly expected: ExpectedKeys | undefined;
}

/** What the command line says, over all that a configuration does. Paths are relative to the current folder. */
export interface Asked {
  readonly presets?: readonly PresetName[] | undefined;
  readonly failOn?: Severity | undefined;
  readonly expect?: string | undefined;
}

/** Says what is asked of the file at a path. */
export type Policy = (path: string) => FilePolicy;

const BUDGET_RULES: Readonly<Record<keyof Budgets, string>> = {
  fileBytes: 'budget/file-bytes',
  parameters: 'budget/parameters',
  wastedBytes: 'budget/wasted-bytes',
};
const ALLOW_RULES: Readonly<Record<keyof Allowed, string>> = {
  dtypes: 'policy/dtype',
  locations: 'policy/location',
  globals: 'policy/global',
};

/** Demands, with the keys that they name read. */
interface Layer extends Demands {
  readonly expected?: ExpectedKeys | null | undefined;
}

/**
 * Layers presets, configuration, overrides in their order, and command line; what comes later wins.
 * @throws RefusedError for a `keys.json` that can't be used.
 */
export async function makePolicy({ config, folder }: LoadedConfig, asked: Asked = {}): Promise<Policy> {
  const { overrides = [], extends: presets = [] } = config;
  const read = async (demands: Demands): Promise<Layer> =>
    demands.expect
      ? { ...demands, expected: await readKeys(resolve(folder, demands.expect)) }
      : clearing(demands);
  const base = await Promise.all(
    [...[...presets, ...(asked.presets ?? [])].map((name) => PRESETS[name]), config].map(read),
  );
  const special = await Promise.all(
    overrides.map(async (override) => ({
      matches: await compileFileGlobs(override.files),
      layer: await read(override),
    })),
  );
  const last: Layer = {
    failOn: asked.failOn,
    ...(asked.expect !== undefined && { expected: await readKeys(asked.expect) }),
  };
  const known = new Map<string, FilePolicy>();
  return (path) => {
    const hits = special.filter(({ matches }) => matches(nameIn(folder, path)));
    const key = hits.map((hit) => special.indexOf(hit)).join();
    let policy = known.get(key);
    if (!policy) {
      policy = merge([...base, ...hits.map(({ layer }) => layer), last]);
      known.set(key, policy);
    }
    return policy;
  };
}

/** A path as the globs of a configuration see it: relative to its folder, with slashes. */
export function nameIn(folder: string, path: string): string {
  return relative(folder, resolve(path)).replaceAll('\\', '/');
}

/** `expect: null` takes away what was expected before. */
function clearing(demands: Demands): Layer {
  return demands.expect === null ? { ...demands, expected: null } : demands;
}

/** Globs over paths with slashes, relative to the configuration; one without a slash means the name of the file, in any folder. */
export async function compileFileGlobs(globs: readonly string[]): Promise<(path: string) => boolean> {
  if (globs.length === 0) return () => false;
  const { default: picomatch } = await import('picomatch');
  const matchers = globs.map((glob) =>
    picomatch(glob.replace(/^\.\//, ''), { dot: true, basename: !glob.includes('/'), windows: false }),
  );
  return (path) => matchers.some((matches) => matches(path));
}

function merge(layers: readonly Layer[]): FilePolicy {
  const settings = new Map<string, RuleSetting>();
  let failOn: Severity = 'error';
  let expected: ExpectedKeys | undefined;
  for (const layer of layers) {
    for (const [key, request] of inOrderOfCloseness(layer.rules ?? {}))
      for (const { id } of rulesNamed(key)) setRule(settings, id, settingOf(request));
    for (const [name, max] of Object.entries(layer.budgets ?? {}))
      if (max !== undefined)
        setRule(
          settings,
          BUDGET_RULES[name as keyof Budgets],
          option({ max: max ?? Number.POSITIVE_INFINITY }),
        );
    for (const [name, allow] of Object.entries(layer.allow ?? {}))
      if (allow !== undefined)
        setRule(settings, ALLOW_RULES[name as keyof Allowed], option({ allow: allow ?? ['*'] }));
    failOn = layer.failOn ?? failOn;
    if (layer.expected !== undefined) expected = layer.expected ?? undefined;
  }
  return { settings, failOn, expected };
}

function option(options: RuleOptions): RuleSetting {
  return { options };
}

function setRule(settings: Map<string, RuleSetting>, id: string, { severity, options }: RuleSetting): void {
  const before = settings.get(id);
  settings.set(id, {
    ...before,
    ...(severity && { severity }),
    ...(options && { options: { ...before?.options, ...options } }),
  });
}
