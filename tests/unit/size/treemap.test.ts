import * as fc from "fast-check";
import { expect, test } from "vitest";
import { squarify } from "../../../build/size/treemap.ts";

const frame = { x: 10, y: 20, width: 600, height: 200 };

test("areas are in proportion, inside the frame, and never overlap", () => {
  const weights = fc.array(fc.integer({ min: 0, max: 100_000_000 }), { maxLength: 12 });
  fc.assert(
    fc.property(weights, (list) => {
      const placed = squarify(
        list.map((weight) => ({ weight })),
        frame,
      );
      const total = list.reduce((sum, weight) => sum + weight, 0);
      expect(placed).toHaveLength(list.filter((weight) => weight > 0).length);
      for (const { item, x, y, width, height } of placed) {
        const area = (frame.width * frame.height * item.weight) / total;
        expect(Math.abs(width * height - area)).toBeLessThan(0.5);
        expect(x).toBeGreaterThan(frame.x - 0.01);
        expect(y).toBeGreaterThan(frame.y - 0.01);
        expect(x + width).toBeLessThan(frame.x + frame.width + 0.01);
        expect(y + height).toBeLessThan(frame.y + frame.height + 0.01);
      }
      for (const [at, a] of placed.entries()) {
        for (const b of placed.slice(at + 1)) {
          const overlap =
            Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)) *
            Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y));
          expect(overlap).toBeLessThan(0.5);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("equal weights come near to squares", () => {
  const placed = squarify(
    Array.from({ length: 12 }, () => ({ weight: 1 })),
    frame,
  );
  for (const { width, height } of placed) expect(Math.max(width / height, height / width)).toBeLessThan(2);
});
