import { describe, expect, it } from 'vitest';
import { moduleTree } from '../../../src/report/html/module-tree.ts';
import { layTiles, neighbour, type Tile } from '../../../src/report/html/treemap-layout.ts';

const laid = (sizes: Record<string, number>, width = 600, height = 400): Tile[] =>
  layTiles(moduleTree({ name: Object.keys(sizes), stored: Object.values(sizes) }), width, height);

describe('layTiles', () => {
  it('gives each tensor an area like its bytes, within its module', () => {
    const tiles = laid({ 'a.w': 300, 'a.b': 100, 'c.w': 200, 'c.b': 200 });
    const [a, aw] = ['a', 'a.w'].map((name) => tiles.find(({ node }) => node.name === name) as Tile);
    expect(a?.open).toBe(true);
    for (const tile of tiles) {
      expect(tile.left).toBeGreaterThanOrEqual(0);
      expect(tile.top + tile.height).toBeLessThanOrEqual(400);
    }
    expect(aw?.left).toBeGreaterThanOrEqual(a?.left ?? 0);
    const area = (name: string) => {
      const tile = tiles.find(({ node }) => node.name === name) as Tile;
      return tile.width * tile.height;
    };
    expect(area('a.w') / area('a.b')).toBeGreaterThan(2);
    expect(area('a.w') / area('a.b')).toBeLessThan(4.5);
  });

  it('draws no more than can be seen of a hundred thousand tensors, and nothing of no bytes', () => {
    const many = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, index) => [`l.${index % 100}.${index}.w`, 1]),
    );
    const tiles = laid(many);
    expect(tiles.length).toBeGreaterThan(50);
    expect(tiles.length).toBeLessThan(5000);
    expect(laid({ 'a.w': 0, 'a.b': 0 })).toEqual([]);
  });
});

describe('neighbour', () => {
  it('finds the tile in the direction of the key', () => {
    const tile = (left: number, top: number): Tile =>
      ({ left, top, width: 10, height: 10, depth: 1, open: false, node: {} }) as unknown as Tile;
    const [a, b, c, d] = [tile(0, 0), tile(20, 0), tile(0, 20), tile(20, 20)] as [Tile, Tile, Tile, Tile];
    const tiles = [a, b, c, d];
    expect(neighbour(tiles, a, 'ArrowRight')).toBe(b);
    expect(neighbour(tiles, a, 'ArrowDown')).toBe(c);
    expect(neighbour(tiles, d, 'ArrowLeft')).toBe(c);
    expect(neighbour(tiles, d, 'ArrowUp')).toBe(b);
    expect(neighbour(tiles, a, 'ArrowUp')).toBeUndefined();
  });
});
