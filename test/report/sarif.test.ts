import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { type RulePage, sarifLog } from '../../src/report/sarif.ts';
import { run as command } from '../cli/run.ts';
import { CUDA, sampleRun } from './check-sample.ts';

/** The published schema; it is of draft 4, of which it uses nothing that has changed since but the name of `$id`. */
const {
  $schema: _draft,
  id: _id,
  ...schema
} = JSON.parse(readFileSync('test/report/sarif-2.1.0.schema.json', 'utf8'));
const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
addFormats.default(ajv);
const validate = ajv.compile(schema);

const page: RulePage = {
  title: 'Storages are tagged with a CUDA device',
  severity: 'warning',
  page: '# device/cuda-tag\n\nSee [legacy/format](../legacy/format.md) and [torch](https://pytorch.org/docs).\n',
};
const options = { version: '1.2.3', rules: new Map([['device/cuda-tag', page]]), folder: '/repo' };
const run = (document = sampleRun()) => {
  const log = sarifLog(document, options);
  return { log, ...(log.runs[0] as (typeof log.runs)[number]) };
};

describe('sarifLog', () => {
  it('holds to the published schema', () => {
    expect(validate(JSON.parse(JSON.stringify(run().log)))).toBe(true);
    expect(validate({ ...run().log, version: '2.0.0' })).toBe(false);
    expect(validate(JSON.parse(JSON.stringify(run(sampleRun([])).log)))).toBe(true);
  });

  it('holds to it with what the command finds in real files', async () => {
    const { stdout } = await command(['check', '--format', 'sarif', 'fixtures/archives', 'fixtures/foreign']);
    const log = JSON.parse(stdout);
    expect(validate(log)).toBe(true);
    expect(log.runs[0].results.length).toBeGreaterThan(20);
    for (const { help, id } of log.runs[0].tool.driver.rules) {
      // the page of the rule, and no link that leads nowhere
      if (id !== 'unreadable') expect(help.markdown).toContain('## How to heal it');
      expect(help.markdown ?? '').not.toMatch(/\]\((?!https?:)/);
    }
  });

  it('gives code scanning what it asks for: relative paths, a region, a fingerprint, an index of the rule', () => {
    const { results = [], tool } = run();
    const { rules = [] } = tool.driver;
    expect(results).toHaveLength(5);
    for (const { ruleId, ruleIndex = -1, locations = [], partialFingerprints } of results) {
      expect(rules[ruleIndex]?.id).toBe(ruleId);
      const { artifactLocation, region } = locations[0]?.physicalLocation ?? {};
      expect(artifactLocation?.uri).toMatch(/^models\/[\w%.-]+$/);
      expect(region).toEqual({ startLine: 1 });
      expect(partialFingerprints?.primaryLocationLineHash).toMatch(/^[0-9a-f]{16}:\d+$/);
    }
    expect(rules.find(({ id }) => id === 'device/cuda-tag')).toMatchObject({
      name: 'DeviceCudaTag',
      help: {
        markdown: '# device/cuda-tag\n\nSee legacy/format and [torch](https://pytorch.org/docs).\n',
      },
      defaultConfiguration: { level: 'warning' },
    });
    // an address of this machine would help nobody, and tell others where things stand on it
    expect(rules.filter(({ helpUri }) => helpUri !== undefined)).toEqual([]);
  });

  it('speaks of levels as SARIF does, of what heals, and of files that can not be read', () => {
    const { results = [], invocations = [] } = run();
    expect(results.map(({ ruleId, level }) => `${ruleId} ${level}`)).toEqual([
      'device/cuda-tag warning',
      'dtype/half-weights note',
      'pickle/protocol error',
      'device/cuda-tag warning',
      'unreadable error',
    ]);
    expect(results[3]?.message.text).toContain("ckpt-doctor fix 'models/failed, one.pth' --map-location cpu");
    expect(results[4]?.message.text).toBe('zip archive of 9 bytes is cut short');
    expect(invocations[0]?.toolExecutionNotifications).toHaveLength(1);
  });

  it('keeps fingerprints while the words and numbers of a finding change, and gives each its own', () => {
    const prints = (findings: (typeof CUDA)[]) =>
      run(sampleRun([{ path: 'x.pth', status: 'passed', findings }])).results?.map(
        ({ partialFingerprints }) => partialFingerprints?.primaryLocationLineHash,
      ) ?? [];
    const before = prints([CUDA, CUDA]);
    expect(prints([{ ...CUDA, message: 'Other words.', count: 7 }, CUDA])).toEqual(before);
    expect(new Set(before).size).toBe(before.length);
  });

  it('names files elsewhere by an absolute URI', () => {
    const { results = [] } = run(sampleRun([{ path: '/tmp/ä b.pth', status: 'passed', findings: [CUDA] }]));
    expect(results.at(-1)?.locations?.[0]?.physicalLocation?.artifactLocation?.uri).toBe(
      'file:///tmp/%C3%A4%20b.pth',
    );
  });
});
