import { describe, expect, it } from 'vitest';
import { type DiffReportOptions, diffReport } from '../../../src/report/terminal/diff-report.ts';
import { screen } from '../../../src/report/terminal/screen.ts';
import { widthOf } from '../../../src/report/terminal/text.ts';
import { HOSTILE_NAME, sampleDiff } from '../diff-sample.ts';

const lines = (document = sampleDiff(), options: DiffReportOptions = {}, width = 80): string[] => [
  ...diffReport(document, options, screen({ width })),
];

describe('diffReport', () => {
  it('tells all that differs, alike changes in one line, the largest difference first', () => {
    expect(lines().join('\n')).toMatchInlineSnapshot(`
      "a  models/a.pth  1.00 MB
         torch zip archive, 40 tensors
      b  models/b.pth  1.00 MB
         torch zip archive, 40 tensors
      Of b, state_dict is compared.

      Only in a: 1 tensor, 8 B
        - fc.old                                                     int64 []      8 B

      Only in b: 1 tensor, 48 B
        + fc.new                                               float32 [3, 4]     48 B

      Renamed: 3 tensors
        module.* → *  2 tensors, found by the names of wrappers
        head → classifier  found by their content

      Described differently: 3 tensors
        dtype float32 → float16  2 tensors: w1 …
        shape [2, 3] → [3, 2]  w3

      Values: 3 differ, 34 the same, 1 not comparable
                                               differ  max |a-b| mean |a-b|     cosine
        w4                                  < 0.1 % !          0          0   0.999999
        w1                                      100 %       0.25      0.125   0.999999
        w2                                      100 %    1.00e-7    5.00e-8   0.999999
        w3                                not comparable: the shapes differ
      ! some of these numbers are infinite or NaN on one side; they are in no mean.

      Other values: 2 differ
        ~ epoch  1 → 2
        + new    "x"

      ✖ Different: 1 only in a, 1 only in b, 3 renamed, 4 changed, 2 other values; 38
      tensors on both sides."
    `);
  });

  it('is one line where nothing differs, or nothing more is asked for', () => {
    const same = sampleDiff({
      same: true,
      added: [],
      removed: [],
      renamed: [],
      changed: [],
      metadata: [],
      totals: { common: 38, changed: 0, added: 0, removed: 0, renamed: 0 },
    });
    expect(lines(same).slice(5)).toEqual(['', '✔ No difference: 38 tensors, names, shapes and dtypes.']);
    expect(lines(sampleDiff(), { quiet: true })[0]).toMatch(/^✖ Different: /);
  });

  it.each([40, 63, 80, 120])('stays within %i columns, hostile names too', (width) => {
    const long = 'a'.repeat(200);
    const tensor = { dtype: 'float32', shape: [1], bytes: 4, location: 'cpu' };
    const document = sampleDiff({
      added: [
        { ...tensor, name: HOSTILE_NAME },
        { ...tensor, name: long },
      ],
      renamed: [{ from: HOSTILE_NAME, to: long, by: 'content' }],
      metadata: [{ name: HOSTILE_NAME, a: long, b: HOSTILE_NAME }],
    });
    for (const line of lines(document, {}, width)) {
      expect(widthOf(line)).toBeLessThanOrEqual(width);
      expect(line).not.toMatch(/[\u001b\u202e]/);
    }
  });

  it('cuts long lists, and not where all is asked for', () => {
    const tensor = { dtype: 'float32', shape: [1], bytes: 4, location: 'cpu' };
    const added = Array.from({ length: 30 }, (_, index) => ({ ...tensor, name: `t${index}` }));
    const text = lines(sampleDiff({ added })).join('\n');
    expect(text).toContain('… 19 more (--all)');
    expect(text).not.toContain('t11 ');
    expect(lines(sampleDiff({ added }), { all: true }).join('\n')).toContain('t29 ');
  });
});
