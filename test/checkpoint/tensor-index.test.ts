import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { TensorFinder } from '../../src/checkpoint/tensor-index.ts';
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
      const finder = new TensorFinder(list);
      for (const each of order) expect(finder.find(each.node)).toBe(each);
    }
  });

  it('finds nothing for what is no tensor', () => {
    const finder = new TensorFinder(list);
    for (const value of [null, 1, 'text', new PyList()]) expect(finder.find(value)).toBeUndefined();
    expect(finder.find((list[0] as Tensor).node)).toBe(list[0]);
  });

  it('finds a tensor that is listed twice at its first place', () => {
    const [first, second] = [list[0] as Tensor, list[1] as Tensor];
    const again = { ...first, name: 'again' };
    const finder = new TensorFinder([first, again, second]);
    expect([first, again, second].map(({ node }) => finder.find(node)?.name)).toEqual(['t0', 't0', 't1']);
  });

  it('finds the next ones at one go, and goes on behind them', () => {
    const finder = new TensorFinder(list);
    const nodes = list.map(({ node }) => node);
    expect(finder.findNext(nodes.slice(0, 50))).toEqual(list.slice(0, 50));
    expect(finder.findNext(nodes.slice(51, 60))).toBeUndefined();
    expect(finder.find(nodes[50] as never)).toBe(list[50]);
    expect(finder.findNext([...nodes.slice(51), new PyList()])).toBeUndefined();
    expect(finder.findNext(nodes.slice(51))).toEqual(list.slice(51));
  });

  it('finds none at one go where a tensor is listed twice', () => {
    const [first, second] = [list[0] as Tensor, list[1] as Tensor];
    expect(new TensorFinder([first, first, second]).findNext([first.node])).toBeUndefined();
  });
});
