import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { parse } from 'junit2json';
import { describe, expect, it } from 'vitest';
import { junitXml } from '../../src/report/junit.ts';
import { HOSTILE, sampleRun } from './check-sample.ts';

const hostile = { path: `models/${HOSTILE}`, status: 'passed' as const, findings: [] };

describe('junitXml', () => {
  it('is what a JUnit parser understands', async () => {
    const report = await parse(junitXml(sampleRun()));
    expect(report).toMatchObject({ name: 'ckpt-doctor', tests: 4, failures: 1, errors: 1 });
    const cases =
      (report as { testsuite: { testcase: Record<string, unknown>[] }[] }).testsuite[0]?.testcase ?? [];
    expect(cases.map(({ name }) => name)).toEqual([
      'models/good.pth',
      'models/warned.pth',
      'models/failed, one.pth',
      'models/cut.pth',
    ]);
    expect(
      cases.map((each) => ['failure', 'error', 'system-out'].filter((kind) => each[kind]).join()),
    ).toEqual(['', 'system-out', 'failure', 'error']);
    expect(cases[3]?.error).toEqual([
      expect.objectContaining({ type: 'truncated', message: 'zip archive of 9 bytes is cut short' }),
    ]);
    expect(JSON.stringify(cases[2]?.failure)).toContain(
      "ckpt-doctor fix 'models/failed, one.pth' --map-location cpu",
    );
  });

  it('is well-formed whatever a file holds, and says it back', () => {
    const xml = junitXml(sampleRun([hostile]));
    expect(XMLValidator.validate(xml)).toBe(true);
    const parsed = new XMLParser({ ignoreAttributes: false, processEntities: true, trimValues: false }).parse(
      xml,
    );
    const names = parsed.testsuites.testsuite.testcase.map((each: Record<string, string>) => each['@_name']);
    expect(names.at(-1)).toContain('a"<b>&\'|`::error file=x::');
    // what no XML 1.0 parser may take
    expect(xml).not.toMatch(/[\u0000-\u0008\u000b-\u001f\ud800-\udfff\ufffe\uffff]/);
  });
});
