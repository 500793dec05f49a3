import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { hostTarget } from "../../build/plan/target.ts";
import { stubProblems } from "../../build/stub/build.ts";

const SOURCE = fileURLToPath(new URL("../../build/stub/", import.meta.url));
const wanted = /^go (\S+)$/m.exec(readFileSync(`${SOURCE}go.mod`, "utf8"))?.[1] ?? "";
const target = hostTarget();

/** Only this very version gives these very bytes. */
function hasGo(): boolean {
  try {
    return execFileSync("go", ["env", "GOVERSION"], { cwd: SOURCE }).toString().trim() === `go${wanted}`;
  } catch {
    return false;
  }
}

const isGoThere = hasGo();

test.skipIf(!isGoThere)(`the stub's own tests pass and its source is formatted (go ${wanted})`, () => {
  if (process.platform === "linux") execFileSync("go", ["test", "."], { cwd: SOURCE, stdio: "pipe" });
  execFileSync("go", ["vet", "."], { cwd: SOURCE, stdio: "pipe" });
  expect(execFileSync("gofmt", ["-l", "."], { cwd: SOURCE }).toString()).toBe("");
});

test.skipIf(!isGoThere || !target)(`the prebuilt stub is what its source gives (go ${wanted})`, async () => {
  expect(await stubProblems(target ? [target] : [])).toEqual([]);
});
