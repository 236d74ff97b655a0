import { describe, expect, it } from 'vitest';
import { bandsOf, layersOf } from '../../../src/report/html/layers.ts';
import { bell, forged } from './page-sample.ts';

describe('layersOf', () => {
  it('are the tensors with numbers, in the order of the file, with what is wrong with them', async () => {
    const data = await forged((forge) => ({
      'b.weight': forge.view(forge.floats(...bell(6)), { shape: [2, 3] }),
      'a.bias': forge.tensor(1, Number.NaN, Number.POSITIVE_INFINITY),
      'a.scale': forge.tensor(2, Number.NEGATIVE_INFINITY),
      zero: forge.tensor(0, 0, 0),
      empty: forge.tensor(),
      logit: forge.tensor(4.6),
      steps: forge.view(forge.storage(new Uint8Array(16), 'int64'), { shape: [2] }),
    }));
    const layers = layersOf(data, data.numbers);
    expect(layers.map(({ tensor, kind, mark }) => [data.tensors.name[tensor], kind, mark])).toEqual([
      ['b.weight', 'matrix', undefined],
      ['a.bias', 'vector', 'nan'],
      ['a.scale', 'vector', 'inf'],
      ['zero', 'vector', 'zero'],
    ]);
    expect(layers[1]).toMatchObject({ min: 1, max: 1, mean: 1, std: null });
  });

  it('are integers and numbers that stand alone where there is nothing else', async () => {
    const steps = await forged((forge) => ({
      steps: forge.view(forge.storage(new Uint8Array(16), 'int64'), { shape: [2] }),
    }));
    expect(layersOf(steps, steps.numbers)).toHaveLength(1);
    const alone = await forged((forge) => ({ a: forge.tensor(1), b: forge.tensor(2) }));
    expect(layersOf(alone, alone.numbers)).toHaveLength(2);
  });
});

describe('bandsOf', () => {
  it('are the modules of neighbours, without what all names begin with', () => {
    const names = [
      'net.stem.weight',
      'net.layers.0.a.weight',
      'net.layers.0.b.weight',
      'net.layers.1.a.weight',
    ];
    expect(bandsOf(names)).toEqual([
      { label: 'stem', first: 0, end: 1 },
      { label: 'layers.0.a', first: 1, end: 2 },
      { label: 'layers.0.b', first: 2, end: 3 },
      { label: 'layers.1.a', first: 3, end: 4 },
    ]);
  });

  it('stay so few that they can be told apart', () => {
    const names = Array.from(
      { length: 1000 },
      (_, index) => `layers.${Math.floor(index / 40)}.heads.${index}.weight`,
    );
    const bands = bandsOf(names);
    expect(bands).toHaveLength(25);
    expect(bands.at(-1)).toEqual({ label: '24.heads', first: 960, end: 1000 });
    expect(bandsOf(['weight', 'bias'])).toEqual([{ label: '', first: 0, end: 2 }]);
    expect(bandsOf([])).toEqual([]);
  });
});
