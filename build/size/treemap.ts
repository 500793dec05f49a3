/** Squarified treemap (Bruls, Huizing, van Wijk 2000): areas in proportion to weights, as near to squares as they go. Pure. */

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Placed<Item> extends Rectangle {
  readonly item: Item;
}

/** Places the items, heaviest first, inside the frame. Items without weight get no place. */
export function squarify<Item extends { readonly weight: number }>(
  items: readonly Item[],
  frame: Rectangle,
): readonly Placed<Item>[] {
  const weighty = items.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  const total = weighty.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return [];
  const scale = (frame.width * frame.height) / total;
  const placed: Placed<Item>[] = [];
  let free = frame;
  let row: Item[] = [];
  for (const item of weighty) {
    const side = Math.min(free.width, free.height);
    if (row.length > 0 && worst([...row, item], side, scale) > worst(row, side, scale)) {
      free = place(row, free, scale, placed);
      row = [];
    }
    row.push(item);
  }
  place(row, free, scale, placed);
  return placed;
}

/** The worst aspect ratio of a row that is laid along a side. */
function worst(row: readonly { readonly weight: number }[], side: number, scale: number): number {
  const areas = row.map(({ weight }) => weight * scale);
  const sum = areas.reduce((a, b) => a + b, 0);
  return Math.max((side ** 2 * Math.max(...areas)) / sum ** 2, sum ** 2 / (side ** 2 * Math.min(...areas)));
}

/** Lays a row along the shorter side; returns what is left of the frame. */
function place<Item extends { readonly weight: number }>(
  row: readonly Item[],
  free: Rectangle,
  scale: number,
  placed: Placed<Item>[],
): Rectangle {
  const area = row.reduce((sum, { weight }) => sum + weight, 0) * scale;
  const isWide = free.width >= free.height;
  const side = isWide ? free.height : free.width;
  const thickness = side === 0 ? 0 : area / side;
  let at = 0;
  for (const item of row) {
    const length = thickness === 0 ? 0 : (item.weight * scale) / thickness;
    placed.push(
      isWide
        ? { item, x: free.x, y: free.y + at, width: thickness, height: length }
        : { item, x: free.x + at, y: free.y, width: length, height: thickness },
    );
    at += length;
  }
  return isWide
    ? { ...free, x: free.x + thickness, width: Math.max(0, free.width - thickness) }
    : { ...free, y: free.y + thickness, height: Math.max(0, free.height - thickness) };
}
