/** Bun closes `stdio[3]` of a collected child a second time, which once silenced the next sidecar. Needs: bun. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bun, hasBun } from "./runtimes.ts";

test.skipIf(!hasBun || process.platform === "win32")(
  "bun: collected children do not take the next one's pipes with them",
  () => {
    const script = join(import.meta.dirname, "collected-children-main.ts");
    expect(execFileSync(bun.path, [script], { encoding: "utf8" }).trim()).toBe("60 of 60");
  },
);
