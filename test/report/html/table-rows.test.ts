import { describe, expect, it } from 'vitest';
import { diagnose } from '../../../src/diagnose/engine.ts';
import { matching, searchTexts, sorted } from '../../../src/report/html/table-rows.ts';
import { pageData } from '../../../src/report/page-builder.ts';
import { checkpointOf, dict, tensor } from '../../support/checkpoint-builder.ts';
import { forged } from './page-sample.ts';

const checkpoint = checkpointOf(
  dict({
    'layers.10.weight': tensor({ shape: [4, 4] }),
    'layers.9.weight': tensor({ shape: [4, 8], dtype: 'float16' }),
    'layers.9.bias': tensor({ shape: [4], location: 'cuda:0' }),
  }),
);
const data = pageData(checkpoint, diagnose(checkpoint), { version: '0.0.0', rules: new Map() });
const texts = searchTexts(data);

describe('the rows of the table', () => {
  it('are those in which all words of a search stand', () => {
    expect(matching(texts, '')).toEqual([0, 1, 2]);
    expect(matching(texts, '  WEIGHT layers.9 ')).toEqual([1]);
    expect(matching(texts, 'float16')).toEqual([1]);
    expect(matching(texts, 'cuda bias')).toEqual([2]);
    expect(matching(texts, '4 × 4')).toEqual([0]);
    expect(matching(texts, '4x8')).toEqual([1]);
    expect(matching(texts, 'weight nothing')).toEqual([]);
  });

  it('are sorted by numbers as numbers, in names too, and alike rows stay as they are', () => {
    expect(sorted([0, 1, 2], 'name', false, data)).toEqual([2, 1, 0]);
    expect(sorted([0, 1, 2], 'bytes', true, data)).toEqual([0, 1, 2]);
    expect(sorted([0, 1, 2], 'elements', true, data)).toEqual([1, 0, 2]);
    expect(sorted([0, 1, 2], 'shape', false, data)).toEqual([2, 0, 1]);
    expect(sorted([0, 1, 2], 'location', true, data)).toEqual([2, 0, 1]);
    expect(sorted([2, 1], 'order', false, data)).toEqual([1, 2]);
  });

  it('are sorted by what numbers are like, those without at the end either way', async () => {
    const valued = await forged((forge) => ({
      none: forge.tensor(Number.NaN, Number.NaN),
      small: forge.tensor(-0.1, 0, 0.2, Number.NaN),
      large: forge.tensor(-5, 5, 4, 1),
    }));
    expect(sorted([0, 1, 2], 'std', true, valued)).toEqual([2, 1, 0]);
    expect(sorted([0, 1, 2], 'std', false, valued)).toEqual([1, 2, 0]);
    expect(sorted([0, 1, 2], 'min', false, valued)).toEqual([2, 1, 0]);
    expect(sorted([0, 1, 2], 'bad', true, valued)).toEqual([0, 1, 2]);
    expect(sorted([0, 1, 2], 'zeros', true, valued)).toEqual([1, 0, 2]);
  });
});
