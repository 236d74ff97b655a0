import { expect, it } from 'vitest';
import { bytesText, counted, countText, grouped } from '../../../src/report/terminal/numbers.ts';

it('writes bytes in decimal units with three digits', () => {
  expect(
    [0, 999, 1000, 37632, 46827520, 999_400, 999_500, 5e9, '4835703278458516698824704'].map(bytesText),
  ).toEqual(['0 B', '999 B', '1.00 kB', '37.6 kB', '46.8 MB', '999 kB', '1.00 MB', '5.00 GB', '4835703 EB']);
});

it('writes counts', () => {
  expect([7, 9408, 11_689_512, 7e9].map(countText)).toEqual(['7', '9.41 k', '11.7 M', '7.00 B']);
  expect([1, 62, 100_000].map((count) => counted(count, 'tensor'))).toEqual([
    '1 tensor',
    '62 tensors',
    '100,000 tensors',
  ]);
  expect(grouped(1234567)).toBe('1,234,567');
});
