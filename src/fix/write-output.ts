import { basename, dirname } from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { diagnose } from '../diagnose/engine.ts';
import type { Finding } from '../diagnose/finding.ts';
import { openSource } from '../formats/open.ts';
import { openFile } from '../io/file-source.ts';
import { checkOutputFile, createOutputFile, type OutputFile, type OutputOptions } from '../io/output-file.ts';
import { publishSet } from '../io/output-set.ts';
import type { OutputFilePlan, OutputPlan } from './outputs/output.ts';
import type { VerifyLevel } from './verify.ts';

export interface WriteOutputOptions extends OutputOptions {
  readonly verify: VerifyLevel;
  readonly onProgress?: (written: number, total: number) => void;
  /** Looks at what is found in the output before it gets its name, and may throw. */
  readonly accept: (findings: readonly Finding[]) => Promise<void>;
}

export interface WrittenOutput {
  readonly findings: readonly Finding[];
  /** Keys of storages whose bytes don't match the checksum that the source keeps of them. */
  readonly corrupted: readonly string[];
}

/**
 * Writes what was planned, reads it back, compares, and only then gives it its names: all of them or none.
 *
 * @param names Of the files, and of the index behind them where there is one.
 * @throws RefusedError where the output can't be written, or is not what was planned; nothing is left behind then.
 */
export async function writeOutput(
  plan: OutputPlan,
  names: readonly string[],
  options: WriteOutputOptions,
): Promise<WrittenOutput> {
  for (const name of names) await checkOutputFile(name, options);
  const files: OutputFile[] = [];
  try {
    const corrupted = await writeFiles(plan, names, files, options);
    for (const check of plan.checks) check();
    for (const [index, file] of plan.files.entries())
      await reading(files[index] as OutputFile, (written) => file.verify(written, options.verify));
    const [first] = files as [OutputFile];
    if (!plan.index) {
      const findings = await reading(first, async (written) => diagnose(written));
      await options.accept(findings);
      await first.publish();
      return { findings, corrupted };
    }
    const lead = await writeIndex(
      plan.index.text(names.slice(0, -1).map(nameOf)),
      names.at(-1) as string,
      options,
    );
    files.push(lead);
    const findings = await reading(lead, async (written) => diagnose(written), files);
    await options.accept(findings);
    await publishSet(files.slice(0, -1), lead);
    return { findings, corrupted };
  } catch (error) {
    for (const file of files) await file.abort();
    throw error;
  }
}

function nameOf(path: string): string {
  return basename(path);
}

/** @param files Gets each file as it is started. */
async function writeFiles(
  plan: OutputPlan,
  names: readonly string[],
  files: OutputFile[],
  options: WriteOutputOptions,
): Promise<string[]> {
  const total = totalSize(plan.files);
  const corrupted: string[] = [];
  let done = 0;
  for (const [index, { size, write }] of plan.files.entries()) {
    const file = await createOutputFile(names[index] as string, { ...options, size: total - done });
    files.push(file);
    const before = done;
    const onProgress = (written: number) => options.onProgress?.(before + written, total);
    corrupted.push(...(await write(file, { onProgress })));
    await file.finish();
    done += size;
  }
  return corrupted;
}

/** Bytes of all files but for the index. */
export function totalSize(files: readonly OutputFilePlan[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

async function writeIndex(text: string, name: string, options: WriteOutputOptions): Promise<OutputFile> {
  const bytes = Buffer.from(text);
  const file = await createOutputFile(name, { ...options, size: bytes.length });
  try {
    await file.write(0, bytes);
    await file.finish();
    return file;
  } catch (error) {
    await file.abort();
    throw error;
  }
}

/** Opens a finished file under the name that it will have, since some rules look at names, and with the files that it leads to. */
async function reading<T>(
  file: OutputFile,
  use: (written: Checkpoint) => Promise<T>,
  others: readonly OutputFile[] = [],
): Promise<T> {
  const source = await openFile(file.temporaryPath);
  const places = new Map(others.map(({ path, temporaryPath }) => [basename(path), basename(temporaryPath)]));
  try {
    const written = await openSource(source, file.path, async (name) => {
      const { FolderFiles } = await import('../formats/folder-files.ts');
      return new FolderFiles(dirname(file.temporaryPath)).open(places.get(name) ?? name);
    });
    try {
      return await use(written);
    } finally {
      await written.close();
    }
  } finally {
    await source.close?.();
  }
}
