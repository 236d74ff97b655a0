import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { diagnose, diagnoseFailure } from '../diagnose/engine.ts';
import type { Finding, Severity } from '../diagnose/finding.ts';
import type { PayloadFacts } from '../diagnose/payload.ts';
import { RULES } from '../diagnose/rules/index.ts';
import { isSmall } from '../diagnose/small-file.ts';
import { openCheckpoint } from '../formats/open.ts';
import { isRemote, printableAddress } from '../io/address.ts';
import { type FindChange, watchingFiles } from '../io/watched-files.ts';
import type { Baseline } from './baseline.ts';
import type { FilePolicy, Policy } from './policy.ts';

/**
 * Checkpoints that are open at once. Reading overlaps with decoding then, also from a slow disk, and memory is bounded: there are never
 * the pickles of more files than these.
 */
const MOST_OPEN = 4;

export type FileStatus = 'passed' | 'failed' | 'unreadable';

/** The verdict on one file. */
export interface CheckedFile {
  readonly path: string;
  readonly status: FileStatus;
  /** Why the file could not be read to its end. */
  readonly error?: unknown;
  /** What was found and is not in the baseline. */
  readonly findings: readonly Finding[];
  /** Findings that the baseline has. */
  readonly known: number;
}

export interface CheckOptions {
  readonly baseline?: Baseline | undefined;
  /** Accept what is found, instead of judging by it. */
  readonly update?: boolean | undefined;
  /** Read every byte, and hold it against the checksums. Where the policy gives `zip/crc-mismatch` a severity, that is done without being asked. */
  readonly verifyCrc?: boolean | undefined;
  /**
   * Look at every number, and at the checksums as well. Where the policy gives a rule of the numbers a severity, they are looked at without
   * being asked.
   */
  readonly values?: boolean | undefined;
  /** Seconds for one file. */
  readonly timeout?: number | undefined;
  /** What is kept of a finding when its file is done: a name for each of 100 000 tensors would fill the memory. */
  readonly shorten?: ((findings: readonly Finding[]) => readonly Finding[]) | undefined;
  /** Sent to the servers of remote files. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly onFile?: ((done: number) => void) | undefined;
}

const GRAVITY: Readonly<Record<Severity, number>> = { error: 2, warning: 1, info: 0 };

/** Judges files by a policy, several at a time, in the order in which they are given. A bad file never stops the others. */
export async function checkFiles(
  paths: readonly string[],
  policy: Policy,
  options: CheckOptions = {},
): Promise<CheckedFile[]> {
  const checked: CheckedFile[] = new Array(paths.length);
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < paths.length) {
      const index = next++;
      const path = paths[index] as string;
      const { findings, error } = await examine(path, policy(path), options);
      // an address may hold a token, and goes into reports
      const shown = isRemote(path) ? printableAddress(path) : path;
      checked[index] = judge(shown, findings, error, policy(path), options);
      options.onFile?.(++done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(MOST_OPEN, paths.length) }, work));
  return checked;
}

interface Examined {
  readonly findings: readonly Finding[];
  readonly error?: unknown;
}

async function examine(
  path: string,
  { settings, expected }: FilePolicy,
  { verifyCrc = false, values = false, headers, timeout }: CheckOptions,
): Promise<Examined> {
  const open = async (findChange: FindChange): Promise<Examined> => {
    const checkpoint = await openCheckpoint(path, headers ? { headers } : {});
    try {
      const wantsValues = values || VALUE_RULES.some(({ id }) => isOn(settings, id));
      const wantsCrc = verifyCrc || isOn(settings, CHECKSUM_RULE);
      const payload =
        wantsCrc || wantsValues || isSmall(checkpoint)
          ? await readPayload(checkpoint, wantsCrc, wantsValues)
          : {};
      const findings = diagnose(checkpoint, {
        settings,
        payload: payload.facts,
        ...(expected && { expected }),
      });
      const error = checkpoint.damage[0] ?? payload.error ?? (await findChange());
      return { findings, error };
    } finally {
      await checkpoint.close();
    }
  };
  try {
    if (timeout === undefined) return await watchingFiles(open);
    const { withDeadline } = await import('../io/deadline.ts');
    return await withDeadline(timeout, () => watchingFiles(open));
  } catch (error) {
    return { findings: diagnoseFailure(error, { settings }), error };
  }
}

/** Bytes that can't be read are no reason to forget what the pickle shows. */
async function readPayload(
  checkpoint: Checkpoint,
  crc: boolean,
  values: boolean,
): Promise<{ facts?: PayloadFacts; error?: unknown }> {
  const { examinePayload } = await import('../diagnose/payload.ts');
  try {
    return { facts: await examinePayload(checkpoint, { crc, values }) };
  } catch (error) {
    return { error };
  }
}

const VALUE_RULES = RULES.filter(({ needs }) => needs === 'payload');
/** Without more reading it knows the checksum of the pickle alone. */
const CHECKSUM_RULE = 'zip/crc-mismatch';

/** Whether a policy gives a rule a severity: what that rule has to know is read then without being asked. */
function isOn(settings: FilePolicy['settings'], id: string): boolean {
  const severity = settings.get(id)?.severity;
  return severity !== undefined && severity !== 'off';
}

function judge(
  path: string,
  all: readonly Finding[],
  error: unknown,
  { failOn }: FilePolicy,
  { baseline, update, shorten = (findings) => findings }: CheckOptions,
): CheckedFile {
  // to accept what keeps a file from being read would be to accept all that can't be seen in it
  if (update && error === undefined) baseline?.accept(path, all.filter(isWorthAccepting(failOn)));
  const findings = baseline ? all.filter((finding) => !baseline.knows(path, finding)) : all;
  const status = statusOf(findings, error, failOn);
  return {
    path,
    status,
    ...(error !== undefined && { error }),
    findings: shorten(findings),
    known: all.length - findings.length,
  };
}

/** A hostile file has failed even where it is damaged too; else damage weighs more than what was found before it. */
export function statusOf(
  findings: readonly Pick<Finding, 'rule' | 'severity'>[],
  error: unknown,
  failOn: Severity,
): FileStatus {
  if (findings.some(({ rule, severity }) => rule.startsWith('safety/') && severity === 'error'))
    return 'failed';
  if (error !== undefined) return 'unreadable';
  return findings.some(({ severity }) => GRAVITY[severity] >= GRAVITY[failOn]) ? 'failed' : 'passed';
}

/** Advice is only kept where advice fails a file. */
function isWorthAccepting(failOn: Severity): (finding: Finding) => boolean {
  return ({ severity }) => severity !== 'info' || failOn === 'info';
}
