import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { tensorFinder } from '../../src/checkpoint/tensor-index.ts';
import { PyList } from '../../src/pickle/values.ts';
import { tensor } from '../report/sample.ts';

describe('the finder of tensors', () => {
  const list = Array.from({ length: 200 }, (_, i) => ({
    ...tensor(`t${i}`, [2]),
    node: new PyList() as never,
  }));

  it('finds every tensor by its node, in the order of the list and out of it', () => {
    const orders: readonly (readonly Tensor[])[] = [
      list,
      list.toReversed(),
      list.filter((_, i) => i % 3 === 0),
      [...list.slice(150), ...list.slice(0, 150)],
    ];
    for (const order of orders) {
      const find = tensorFinder(list);
      for (const each of order) expect(find(each.node)).toBe(each);
    }
  });

  it('finds nothing for what is no tensor', () => {
    const find = tensorFinder(list);
    for (const value of [null, 1, 'text', new PyList()]) expect(find(value)).toBeUndefined();
    expect(find((list[0] as Tensor).node)).toBe(list[0]);
  });

  it('finds a tensor that is listed twice at its first place', () => {
    const [first, second] = [list[0] as Tensor, list[1] as Tensor];
    const again = { ...first, name: 'again' };
    const find = tensorFinder([first, again, second]);
    expect([first, again, second].map(({ node }) => find(node)?.name)).toEqual(['t0', 't0', 't1']);
  });
});
