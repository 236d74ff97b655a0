import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkDocument, hasTooManyWarnings, toldFindings } from '../../src/report/check-document.ts';
import { schemaValidator } from '../support/schema.ts';
import { ADVICE, CUDA, sampleRun } from './check-sample.ts';

const complaints = schemaValidator('check');

describe('checkDocument', () => {
  it('is the document of the contract', () => {
    const document = sampleRun();
    expect(complaints(document)).toEqual([]);
    expect(document).toMatchObject({
      schema: 'ckpt-doctor/check/1',
      totals: { files: 4, passed: 2, failed: 1, unreadable: 1 },
    });
    expect(Object.keys(document)).toEqual(['schema', 'files', 'totals']);
    expect(complaints({ ...document, extra: 1 })).not.toEqual([]);
    expect(complaints(checkDocument([{ path: 'a', status: 'unreadable', findings: [] }]))).not.toEqual([]);
    expect(complaints(checkDocument([{ path: 'a', status: 'passed', findings: [], known: 2 }], 3))).toEqual(
      [],
    );
  });

  it('counts warnings against the limit', () => {
    expect(hasTooManyWarnings(sampleRun([], 1))).toBe(true);
    expect(hasTooManyWarnings(sampleRun([], 2))).toBe(false);
    expect(hasTooManyWarnings(sampleRun())).toBe(false);
    expect(sampleRun([], 1).warnings).toEqual({ found: 2, allowed: 1 });
  });

  it('knows the codes that inspect knows', () => {
    const read = (name: string) => JSON.parse(readFileSync(`schemas/${name}.schema.json`, 'utf8')).$defs;
    expect(read('check').error).toEqual(read('inspect').error);
    expect(read('check').finding).toEqual(read('inspect').finding);
  });
});

describe('toldFindings', () => {
  it('leaves advice out, unless a file fails for nothing else', () => {
    expect(toldFindings({ path: 'a', status: 'passed', findings: [CUDA, ADVICE] })).toEqual([CUDA]);
    expect(toldFindings({ path: 'a', status: 'passed', findings: [ADVICE] })).toEqual([]);
    expect(toldFindings({ path: 'a', status: 'failed', findings: [ADVICE] })).toEqual([ADVICE]);
  });
});
