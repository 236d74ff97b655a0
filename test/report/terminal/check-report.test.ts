import { describe, expect, it } from 'vitest';
import { type CheckReportOptions, checkReport } from '../../../src/report/terminal/check-report.ts';
import { NO_INKS, screen } from '../../../src/report/terminal/screen.ts';
import { widthOf } from '../../../src/report/terminal/text.ts';
import { ADVICE, HOSTILE, sampleRun } from '../check-sample.ts';

const print = (document = sampleRun(), options: CheckReportOptions = {}, unicode = true) => [
  ...checkReport(document, options, screen({ width: 80, unicode })),
];

describe('checkReport', () => {
  it('tells of files that did not pass and of warnings, then sums up', () => {
    const lines = print(sampleRun(), { policyFile: 'ckpt-doctor.config.json' });
    expect(lines.slice(0, 6)).toEqual([
      '✔ models/warned.pth  passed, 1 warning',
      '  ▲ device/cuda-tag  warning',
      '    The file has device/cuda-tag.',
      '      w1, w2',
      '',
      '  To heal:',
    ]);
    expect(lines).toContain('✖ models/failed, one.pth  failed, 1 error, 1 warning');
    expect(lines).toContain('▲ models/cut.pth  unreadable');
    expect(lines.slice(-2)).toEqual([
      '✖ 4 files: 2 passed, 1 failed, 1 unreadable',
      '1 error, 2 warnings · 1 note (-v) · policy: ckpt-doctor.config.json',
    ]);
    expect(lines.join('\n')).not.toContain('good.pth');
  });

  it('is one line where nothing is to tell', () => {
    const { files, ...rest } = sampleRun();
    const document = {
      ...rest,
      files: files.slice(0, 1),
      totals: { files: 1, passed: 1, failed: 0, unreadable: 0 },
    };
    expect(print(document)).toEqual(['✔ 1 file: 1 passed']);
    expect(print(document, { verbose: true })[0]).toBe('✔ models/good.pth  passed');
  });

  it('leaves out what passed with --quiet, and tells advice with --verbose', () => {
    expect(print(sampleRun(), { quiet: true }).join('\n')).not.toContain('warned.pth');
    expect(print().join('\n')).not.toContain(ADVICE.rule);
    expect(print(sampleRun(), { verbose: true }).join('\n')).toContain(ADVICE.docs);
  });

  it('tells of too many warnings and of what the baseline has', () => {
    const text = print(sampleRun([{ path: 'a', status: 'passed', findings: [], known: 3 }], 1)).join('\n');
    expect(text).toContain('✖ 2 warnings where 1 is allowed');
    expect(text).toContain('3 findings in the baseline');
  });

  it('fits 80 columns but for commands, draws nothing that a file asks for, and speaks ASCII', () => {
    const document = sampleRun([{ path: HOSTILE, status: 'passed', findings: [] }]);
    for (const line of print(document, { verbose: true })) {
      if (!line.includes('ckpt-doctor fix') && !line.includes(' passed'))
        expect(widthOf(line)).toBeLessThanOrEqual(80);
      expect(line).not.toMatch(/[\u0000-\u001f\u202e]/);
    }
    for (const line of print(document, { verbose: true }, false)) expect(line).toMatch(/^[ -~]*$/);
  });

  it('says the same with colour', () => {
    const red = (text: string) => `\u001b[31m${text}\u001b[39m`;
    const inks = Object.fromEntries(
      Object.keys(NO_INKS).map((name) => [name, red]),
    ) as unknown as typeof NO_INKS;
    const coloured = [...checkReport(sampleRun(), {}, screen({ width: 80, unicode: true, inks }))];
    expect(coloured.join('\n')).toContain('\u001b[31m');
    expect(coloured.map((line) => line.replaceAll(/\u001b\[\d+m/g, ''))).toEqual(print());
  });
});
