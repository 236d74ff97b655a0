import type { Finding } from '../../src/diagnose/finding.ts';
import { type CheckDocument, type CheckFileEntry, checkDocument } from '../../src/report/check-document.ts';
import { finding } from './sample.ts';

/** Names that a file may hold to break out of a report. */
export const HOSTILE =
  'a"<b>&\'|`::error file=x::\r\n]]>\u0000\u001b[2J\u202e@team #1 https://x.y $(z) %0A,\ud800';

export const CUDA: Finding = finding('device/cuda-tag', {
  subjects: ['w1', 'w2'],
  fix: ['--map-location', 'cpu'],
});
export const ADVICE: Finding = finding('dtype/half-weights', { severity: 'info', subjects: ['w1'] });
export const BROKEN: Finding = finding('pickle/protocol', {
  severity: 'error',
  message: `It holds ${HOSTILE}.`,
  subjects: [HOSTILE],
});

/** A run over a file of each kind. */
export function sampleRun(extra: readonly CheckFileEntry[] = [], maxWarnings?: number): CheckDocument {
  return checkDocument(
    [
      { path: 'models/good.pth', status: 'passed', findings: [] },
      { path: 'models/warned.pth', status: 'passed', findings: [CUDA, ADVICE] },
      { path: 'models/failed, one.pth', status: 'failed', findings: [BROKEN, CUDA] },
      {
        path: 'models/cut.pth',
        status: 'unreadable',
        error: { code: 'truncated', message: 'zip archive of 9 bytes is cut short', offset: 9 },
        findings: [],
      },
      ...extra,
    ],
    maxWarnings,
  );
}
