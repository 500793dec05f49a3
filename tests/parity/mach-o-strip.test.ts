/** Our strip of Node's own macOS program beside LLVM's tools: what dyld reads is untouched, and the result can be signed. */
import { execFileSync, spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stripMachO } from "../../build/sidecars/strip-file.ts";
import { signMachO } from "../../signing/apple/sign-mach-o.ts";
import { verifyMachO } from "../../signing/apple/verify-mach-o.ts";
import { vendorProgram } from "../golden/signing/apple/vendor.ts";
import { scratchFolder } from "../support/scratch.ts";

const hasLlvm = spawnSync("llvm-nm", ["--version"]).status === 0;
const llvm = (tool: string, ...args: readonly string[]): string =>
  execFileSync(`llvm-${tool}`, args, { encoding: "utf8", maxBuffer: 1 << 28 });

test.skipIf(!hasLlvm).each(["node/darwin-arm64", "node/darwin-x64"] as const)(
  "llvm-nm: %s keeps every export and import, and loses everything else",
  async (name) => {
    const program = await vendorProgram(name);
    const bare = join(await scratchFolder(), "node");
    await stripMachO(program, bare);
    const shared = (file: string): string =>
      llvm("nm", "--extern-only", "--no-sort", file).replace(/^.*:$/gm, "").trim();
    // Private externs are external to LLVM, and local once linked.
    const wanted = shared(program)
      .split("\n")
      .filter((line) => !/ [a-z] /.test(line));
    expect(shared(bare).split("\n")).toEqual(wanted);
    expect(llvm("nm", "--no-sort", bare).trim().split("\n")).toHaveLength(wanted.length);
    // Everything that is loaded, and everything that dyld reads to load it, is where it was.
    const loaded = (file: string): readonly string[] =>
      llvm("objdump", "--macho", "--private-headers", file)
        .split(/^Load command \d+\n/m)
        .slice(1)
        .filter((command) => !/cmd LC_(?:SYMTAB|DYSYMTAB|CODE_SIGNATURE)/.test(command))
        .map((command) => (command.includes("__LINKEDIT") ? command.replace(/^ *(?:vm|file)size.*\n/gm, "") : command));
    expect(loaded(bare)).toEqual(loaded(program));
    expect(statSync(bare).size / statSync(program).size).toBeLessThan(0.8);

    await signMachO({ input: bare, output: bare, identifier: "node" });
    expect(await verifyMachO({ path: bare })).toEqual([]);
  },
);
