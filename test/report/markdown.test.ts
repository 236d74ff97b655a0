import { describe, expect, it } from 'vitest';
import { markdownReport } from '../../src/report/markdown.ts';
import { ADVICE, CUDA, HOSTILE, sampleRun } from './check-sample.ts';

describe('markdownReport', () => {
  it('begins with its mark and the verdict, then a row for each file with something to tell', () => {
    const lines = markdownReport(sampleRun()).split('\n');
    expect(lines.slice(0, 9)).toEqual([
      '<!-- ckpt-doctor -->',
      '### ❌ Checkpoints: 2 passed, 1 failed, 1 unreadable',
      '',
      '| | file | findings |',
      '|---|---|---|',
      '| ✅ | `models/warned.pth` | 1 warning |',
      '| ❌ | `models/failed, one.pth` | 1 error, 1 warning |',
      '| ⚠️ | `models/cut.pth` | unreadable |',
      '',
    ]);
    expect(lines).toContain('ckpt-doctor fix models/warned.pth --map-location cpu');
    expect(lines).toContain('- **warning** `device/cuda-tag` The file has device/cuda-tag. (`w1`, `w2`)');
  });

  it('is short where all is well', () => {
    const files = [{ path: 'a.pth', status: 'passed' as const, findings: [ADVICE] }];
    const document = { ...sampleRun(), files, totals: { files: 1, passed: 1, failed: 0, unreadable: 0 } };
    expect(markdownReport(document)).toBe(
      '<!-- ckpt-doctor -->\n### ✅ Checkpoints: 1 passed\n\n\n✅ 1 file with nothing to tell\n',
    );
  });

  it('tells of too many warnings', () => {
    expect(markdownReport(sampleRun([], 1))).toContain('2 warnings where 1 are allowed');
  });

  it('lets no name draw, mention, link or end a table', () => {
    const text = markdownReport(sampleRun([{ path: `x ${HOSTILE}`, status: 'failed', findings: [CUDA] }]));
    const outside = text
      .replace(/^```sh\n.*\n```$/gm, '')
      .split('\n')
      .map((line) => line.replace(/(`+)(?!`).*?(?<!`)\1(?!`)/g, ''))
      .join('\n');
    expect(text).not.toMatch(/[\u0000\u001b\u202e\r\ud800]/);
    expect(outside).not.toMatch(/<b>|@team|https:\/\/|(?<!&)#1/);
    const row = text.split('\n').find((line) => line.startsWith('| ❌ | `` x'));
    expect(row?.match(/(?<!\\)\|/g)).toHaveLength(4);
  });

  it('fits a comment, and counts what did not', () => {
    const many = Array.from({ length: 3000 }, (_, index) => ({
      path: `models/${index}.pth`,
      status: 'failed' as const,
      findings: [CUDA],
    }));
    const text = markdownReport(sampleRun(many));
    expect(text.length).toBeLessThanOrEqual(65_536);
    expect(text).toMatch(/… and \d+ more files/);
    const some = markdownReport(sampleRun(many.slice(0, 500)));
    expect(some.length).toBeLessThanOrEqual(65_536);
    expect(some).toMatch(/The details of \d+ files did not fit/);
  });
});
