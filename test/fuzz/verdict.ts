import { createHash } from 'node:crypto';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { diagnose, diagnoseFailure } from '../../src/diagnose/engine.ts';
import { examinePayload } from '../../src/diagnose/payload.ts';
import { openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { isKnownError } from '../../src/io/errors.ts';
import { inspectDocument } from '../../src/report/inspect-document.ts';
import { inspectJson } from '../../src/report/json.ts';

/** Elements of a tensor whose bytes are compared: a few bytes can name a view of millions. */
const MOST_ELEMENTS = 2 ** 16;

/** What `inspect` would make of bytes. */
export interface Verdict {
  readonly verdict: 'danger' | 'unreadable' | 'findings' | 'clean';
  /** Ids of the rules that found something, sorted. */
  readonly rules: readonly string[];
  /** Of what would be loaded: names, shapes and bytes of all tensors; of a file that could be read. */
  readonly manifest?: string;
}

/** @throws what is no error of ours to expect, and a message that is no line for people: defects. */
export async function verdictOf(bytes: Uint8Array): Promise<Verdict> {
  try {
    const checkpoint = await openSource(new MemorySource(bytes));
    const findings = diagnose(checkpoint, { payload: await examinePayload(checkpoint) });
    for (const _ of inspectJson(inspectDocument(checkpoint, findings))); // the report must not fail either
    for (const { message } of findings) expectLine(message);
    const rules = [...new Set(findings.map(({ rule }) => rule))].sort();
    if (isDanger(findings)) return { verdict: 'danger', rules };
    if (checkpoint.damage.length > 0) return { verdict: 'unreadable', rules };
    const verdict = findings.some(({ severity }) => severity !== 'info') ? 'findings' : 'clean';
    return { verdict, rules, manifest: await manifestOf(checkpoint) };
  } catch (error) {
    if (!isKnownError(error)) throw error;
    expectLine(error.message);
    const findings = diagnoseFailure(error);
    const rules = findings.map(({ rule }) => rule);
    return { verdict: isDanger(findings) ? 'danger' : 'unreadable', rules };
  }
}

async function manifestOf({ tensors }: Checkpoint): Promise<string> {
  const hash = createHash('sha256');
  for (const tensor of tensors) {
    const { name, kind, shape, dtype } = tensor;
    hash.update(JSON.stringify([name, kind, shape, dtype.name]));
    if (kind === 'tensor') hash.update(await contentOf(tensor));
  }
  return hash.digest('hex');
}

/** Of a tensor that is too large to be read, or that nobody can read, the words for it. */
async function contentOf(tensor: Tensor): Promise<Uint8Array | string> {
  if (tensor.elements > MOST_ELEMENTS) return 'large';
  try {
    return Buffer.from((await readTensor(tensor)).buffer);
  } catch (error) {
    if (!isKnownError(error)) throw error;
    return error.message;
  }
}

function expectLine(message: string): void {
  if (/\n|\bat .+:\d+:\d+|\[object |\bundefined\b|NaN bytes/.test(message))
    throw new Error(`no line for people: ${message}`);
}

function isDanger(findings: readonly { rule: string; severity: string }[]): boolean {
  return findings.some(({ rule, severity }) => rule.startsWith('safety/') && severity === 'error');
}
