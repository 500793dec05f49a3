/** Our strip beside binutils': same size but for what it keeps of notes, and the program still runs. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { stripElf } from "../../../build/sidecars/strip-file.ts";

const scratch = mkdtempSync(join(tmpdir(), "erth-strip-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const has = (tool: string): boolean => spawnSync(tool, ["--version"]).status === 0;
const node = fileURLToPath(new URL("../../../node_modules/node/bin/node", import.meta.url));

test.skipIf(process.platform !== "linux" || !has("strip"))("strip: Node comes out as small, and runs", async () => {
  const [ours, theirs] = [join(scratch, "ours"), join(scratch, "theirs")];
  await stripElf(node, ours);
  execFileSync("strip", ["-s", "-o", theirs, node]);
  // binutils keeps .comment and .gnu.build.attributes, 2 KB.
  expect(statSync(theirs).size - statSync(ours).size).toBeGreaterThanOrEqual(0);
  expect(statSync(theirs).size - statSync(ours).size).toBeLessThan(10_000);
  expect(execFileSync(ours, ["-p", "[...'ab'].join('-') + process.version"], { encoding: "utf8" })).toBe(
    "a-bv26.10.0\n",
  );
});

test.skipIf(process.platform !== "linux" || !has("cc"))("cc: a program with symbols loses them, and runs", async () => {
  writeFileSync(
    join(scratch, "hello.c"),
    '#include <stdio.h>\nint visible = 3;\nint main(void) { return printf("%d", visible) - 1; }\n',
  );
  execFileSync("cc", ["-g", "-o", join(scratch, "hello"), join(scratch, "hello.c")]);
  await stripElf(join(scratch, "hello"), join(scratch, "bare"));
  expect(execFileSync(join(scratch, "bare"), { encoding: "utf8" })).toBe("3");
  expect(statSync(join(scratch, "bare")).size).toBeLessThan(statSync(join(scratch, "hello")).size);
});

test.skipIf(process.platform !== "linux" || !has("readelf"))("readelf: finds nothing to complain about", async () => {
  await stripElf(node, join(scratch, "checked"));
  const { stdout, stderr } = spawnSync("readelf", ["--wide", "--headers", join(scratch, "checked")], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(stdout).not.toMatch(/\.symtab|\.debug_/);
});
