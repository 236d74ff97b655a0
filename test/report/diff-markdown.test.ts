import { describe, expect, it } from 'vitest';
import { diffMarkdown } from '../../src/report/diff-markdown.ts';
import { HOSTILE_NAME, sampleDiff } from './diff-sample.ts';

const tensor = { dtype: 'float32', shape: [1], bytes: 4, location: 'cpu' };

describe('diffMarkdown', () => {
  it('begins with its mark and the verdict, then the sums', () => {
    const text = diffMarkdown(sampleDiff());
    expect(text).toMatch(/^<!-- ckpt-doctor diff -->\n### 🔶 Checkpoints differ\n\na: `models\/a\.pth`/);
    expect(text).toContain('| 38 | 4 | 1 | 1 | 3 | 3 | 2 |');
    expect(text).toContain('| `module.*` | `*` | 2 | wrapper |');
    expect(text).toContain('| `w1` | dtype | `float32` | `float16` |');
    expect(text).toContain('| `w1` | 2,000 of 2,000 | 0.25 | 0.125 | 0.999999 |');
  });

  it('lets no name draw, mention, link or end a table', () => {
    const text = diffMarkdown(
      sampleDiff({
        added: [{ ...tensor, name: HOSTILE_NAME }],
        metadata: [{ name: HOSTILE_NAME, a: HOSTILE_NAME }],
      }),
    );
    expect(text).not.toMatch(/[\u001b\u202e]/);
    const outside = text.replace(/(`+)(?!`).*?(?<!`)\1(?!`)/g, '');
    expect(outside).not.toMatch(/<b>|@team|https:\/\//);
    const row = text.split('\n').find((line) => line.includes('float32 | 1 |'));
    expect(row?.match(/(?<!\\)\|/g)).toHaveLength(5);
  });

  it('has a name for the tensor that is the whole file', () => {
    expect(diffMarkdown(sampleDiff({ added: [{ ...tensor, name: '' }] }))).toContain(
      '| `(root)` | float32 |',
    );
  });

  it('fits a comment', () => {
    const added = Array.from({ length: 3000 }, (_, index) => ({
      ...tensor,
      name: `${'n'.repeat(500)}${index}`,
    }));
    const renamed = added.map(({ name }, index) => ({ from: name, to: `${index}`, by: 'content' as const }));
    const metadata = added.map(({ name }) => ({ name, a: name, b: `${name}!` }));
    const changed = added.map(({ name }) => ({ name, dtype: { a: 'float32', b: 'float16' } }));
    const text = diffMarkdown(sampleDiff({ added, removed: added, renamed, changed, metadata }));
    expect(text.length).toBeLessThanOrEqual(65_536);
    expect(text).toContain('… and 2,975 more');
  });
});
