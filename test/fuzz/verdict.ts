import { createHash } from 'node:crypto';
import { readTensor } from '../../src/checkpoint/read-tensor.ts';
import { diagnose, diagnoseFailure } from '../../src/diagnose/engine.ts';
import { examinePayload } from '../../src/diagnose/payload.ts';
import { openSource } from '../../src/formats/open.ts';
import { MemorySource } from '../../src/io/byte-source.ts';
import { isKnownError } from '../../src/io/errors.ts';
import { inspectDocument } from '../../src/report/inspect-document.ts';
import { inspectJson } from '../../src/report/json.ts';

/** What `inspect` would make of bytes. */
export interface Verdict {
  readonly verdict: 'danger' | 'unreadable' | 'findings' | 'clean';
  /** Of what would be loaded: names, shapes and bytes of all tensors. */
  readonly manifest?: string;
}

/** @throws what is no error of ours to expect: a defect. */
export async function verdictOf(bytes: Uint8Array): Promise<Verdict> {
  try {
    const checkpoint = await openSource(new MemorySource(bytes));
    const findings = diagnose(checkpoint, { payload: await examinePayload(checkpoint) });
    for (const _ of inspectJson(inspectDocument(checkpoint, findings))); // the report must not fail either
    if (isDanger(findings)) return { verdict: 'danger' };
    if (checkpoint.damage.length > 0) return { verdict: 'unreadable' };
    if (findings.some(({ severity }) => severity !== 'info')) return { verdict: 'findings' };
    const hash = createHash('sha256');
    for (const tensor of checkpoint.tensors) {
      const { name, kind, shape, dtype } = tensor;
      hash.update(JSON.stringify([name, kind, shape, dtype.name]));
      if (kind === 'tensor') hash.update(Buffer.from((await readTensor(tensor)).buffer));
    }
    return { verdict: 'clean', manifest: hash.digest('hex') };
  } catch (error) {
    if (!isKnownError(error)) throw error;
    return { verdict: isDanger(diagnoseFailure(error)) ? 'danger' : 'unreadable' };
  }
}

function isDanger(findings: readonly { rule: string; severity: string }[]): boolean {
  return findings.some(({ rule, severity }) => rule.startsWith('safety/') && severity === 'error');
}
