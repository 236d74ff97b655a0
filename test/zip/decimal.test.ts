import { expect, it } from 'vitest';
import { decimalIn, decimalInBytes } from '../../src/zip/decimal.ts';

const bytesOf = (text: string): number => {
  const bytes = Buffer.from(`7${text}7`);
  return decimalInBytes(bytes, 1, bytes.length - 1);
};

it.each([
  ['a text', decimalIn],
  ['bytes', bytesOf],
])('tells the numbers that Python writes from all other text, in %s', (_, read) => {
  expect(['0', '7', '10', '9999999'].map((text) => read(text))).toEqual([0, 7, 10, 9999999]);
  for (const text of ['', '00', '07', '-1', '1.0', '1 ', '１', '10000000', 'x']) {
    expect(read(text)).toBe(-1);
  }
});
