/** Which JavaScript runtime a program is built on, told from the segments of its file. */
import type { MachO } from "./mach-o.ts";

/** Bun's programs have a segment for their bundle, filled or not; Node's single executable applications one for their blob. */
const SEGMENTS: Readonly<Record<string, "bun" | "node">> = { __BUN: "bun", NODE_SEA: "node" };

/** The runtime; undefined where none shows. A bare `node` shows none: it has no segment of its own. */
export function engineOf({ segments }: MachO): "bun" | "node" | undefined {
  for (const { name } of segments) {
    const engine = Object.hasOwn(SEGMENTS, name) ? SEGMENTS[name] : undefined;
    if (engine !== undefined) return engine;
  }
  return undefined;
}
