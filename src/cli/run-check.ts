import { relative, resolve } from 'node:path';
import { RefusedError } from '../io/errors.ts';
import { type Baseline, readBaseline } from '../policy/baseline.ts';
import { checkFiles } from '../policy/check-files.ts';
import { findFiles } from '../policy/find-files.ts';
import { type LoadedConfig, loadConfig } from '../policy/load-config.ts';
import { compileFileGlobs, makePolicy, nameIn } from '../policy/policy.ts';
import { checkDocument, checkEntry, hasTooManyWarnings } from '../report/check-document.ts';
import { cutSubjects } from '../report/inspect-document.ts';
import { writeReports } from './check-reports.ts';
import type { CheckCommandOptions } from './commands/check.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { tellFailure, tellReason } from './failure.ts';
import { progress } from './progress.ts';

/** Holds files against the policy, prints the verdict, and sets the exit code by it. */
export async function runCheck(
  paths: readonly string[],
  options: CheckCommandOptions,
  context: Context,
): Promise<void> {
  const loaded = await configOf(options);
  const { config, file } = loaded;
  const policy = await makePolicy(loaded, {
    presets: options.preset,
    failOn: options.failOn,
    expect: options.expect,
  });
  const baseline = await baselineOf(loaded, options);
  const { files, barren } = await filesOf(paths, loaded);
  for (const path of barren) await tellReason('no checkpoint was found there', path, context);

  const bar = progress('checking', files.length, context, options);
  const checked = await checkFiles(files, policy, {
    headers: options.header,
    baseline,
    update: options.updateBaseline,
    verifyCrc: options.verifyCrc,
    values: options.values,
    timeout: options.timeout,
    shorten: (findings) => cutSubjects(findings, options),
    onFile: (done) => bar.update(done),
  });
  bar.stop();
  for (const { path, error } of checked)
    if (error !== undefined) await tellFailure(error, path, context, options);
  if (options.updateBaseline && baseline) await baseline.write();

  const document = checkDocument(
    checked.map((each) => checkEntry(each, baseline !== undefined)),
    options.maxWarnings ?? config.maxWarnings,
  );
  if (document.totals.failed > 0 || hasTooManyWarnings(document)) context.settle(EXIT.findings);
  const report = { ...options, policyFile: file };
  await writeReports(document, options.output ?? [], options.format, report, context);
}

async function configOf({ config }: CheckCommandOptions): Promise<LoadedConfig> {
  if (config === false) return { config: {}, folder: process.cwd(), file: undefined };
  return loadConfig(typeof config === 'string' ? config : undefined);
}

async function baselineOf(
  { config, folder }: LoadedConfig,
  { baseline, updateBaseline = false }: CheckCommandOptions,
): Promise<Baseline | undefined> {
  const file = baseline ?? (config.baseline && resolve(folder, config.baseline));
  if (file !== undefined) return readBaseline(file, updateBaseline);
  if (updateBaseline)
    throw new RefusedError('--update-baseline needs --baseline <file>, or baseline in the configuration');
  return undefined;
}

async function filesOf(paths: readonly string[], { config, folder }: LoadedConfig) {
  const ours = (config.files ?? []).map((path) => relative(process.cwd(), resolve(folder, path)) || '.');
  const named = paths.length > 0 ? paths : ours;
  if (named.length === 0)
    throw new RefusedError('no file, folder or glob was given, and the configuration names none');
  const ignored = await compileFileGlobs(config.ignore ?? []);
  return findFiles(named, (path) => ignored(nameIn(folder, path)));
}
