import { hierarchy, treemap, treemapSquarify } from 'd3-hierarchy';
import type { ModuleNode } from './module-tree.ts';

/** A rectangle of the treemap, in pixels. */
export interface Tile {
  readonly node: ModuleNode;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Levels below what fills the map. */
  readonly depth: number;
  /** What it holds is drawn on it; otherwise it stands for all of that. */
  readonly open: boolean;
}

const HEADER = 20;
const PADDING = 3;
/** A module smaller than this shows no more of itself. */
const SMALLEST_OPEN = { width: 46, height: 40 };
/** What is smaller than this can't be seen. */
const SMALLEST = 2;

/**
 * Lays the modules and tensors below `root` out by their bytes, parents before what they hold. What would be too small to be seen
 * is left to its module, so that thousands of tensors become hundreds of tiles.
 */
export function layTiles(root: ModuleNode, width: number, height: number): Tile[] {
  const laid = treemap<ModuleNode>()
    .tile(treemapSquarify.ratio(1.3))
    .size([width, height])
    .paddingOuter(PADDING)
    .paddingTop((node) => (node.depth === 0 ? PADDING : HEADER))
    .paddingInner(2)
    .round(true)(
    hierarchy(root, ({ children }) => (children.length > 0 ? children : undefined))
      // what has no bytes has no area
      .sum(({ tensor, bytes }) => (tensor === undefined ? 0 : bytes))
      .sort((a, b) => (b.value ?? 0) - (a.value ?? 0)),
  );
  const tiles: Tile[] = [];
  const open = [...(laid.children ?? [])].reverse();
  for (let at = open.pop(); at; at = open.pop()) {
    const tile = { left: at.x0, top: at.y0, width: at.x1 - at.x0, height: at.y1 - at.y0 };
    if (tile.width < SMALLEST || tile.height < SMALLEST) continue;
    const opens =
      at.children !== undefined && tile.width >= SMALLEST_OPEN.width && tile.height >= SMALLEST_OPEN.height;
    tiles.push({ node: at.data, ...tile, depth: at.depth, open: opens });
    if (opens) open.push(...[...(at.children ?? [])].reverse());
  }
  return tiles;
}

/** The tile beside another in the direction of an arrow key: the nearest whose middle lies there. */
export function neighbour(tiles: readonly Tile[], from: Tile, key: string): Tile | undefined {
  const middle = ({ left, top, width, height }: Tile) => ({ x: left + width / 2, y: top + height / 2 });
  const start = middle(from);
  let best: Tile | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const tile of tiles) {
    if (tile === from) continue;
    const { x, y } = middle(tile);
    const [along, across] =
      key === 'ArrowRight'
        ? [x - start.x, y - start.y]
        : key === 'ArrowLeft'
          ? [start.x - x, y - start.y]
          : key === 'ArrowDown'
            ? [y - start.y, x - start.x]
            : [start.y - y, x - start.x];
    // straight on before askew
    const distance = along + 2 * Math.abs(across);
    if (along > 0 && distance < least) {
      least = distance;
      best = tile;
    }
  }
  return best;
}
