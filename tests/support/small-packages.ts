/** Apps for the tests that open packages with the tools of distributions. */
import { spawnSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { resolveLinux } from "../../build/config/package/linux.ts";
import { slugOf } from "../../build/config/slug.ts";
import type { FormatId } from "../../build/plan/package-format.ts";
import { IDENTIFIER, packageSmallApp, type PackagedApp, type SmallAppOptions } from "../integration/stub/small-app.ts";

/** Names that have broken other packagers. */
export const NAMES = ["ERTH Assistant", "Éclair 2.0 — β", "日本語アプリ", `a.b c'd"e`] as const;

export function has(...programs: readonly string[]): boolean {
  return programs.every((program) => spawnSync(program, ["--version"]).error === undefined);
}

/** What a program prints; its failure is an error with what it said. */
export function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 64 << 20,
    env: { ...process.env, LC_ALL: "C.UTF-8", TZ: "UTC", ...env },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? ""}${stdout}${stderr}`);
  return stdout;
}

export interface PackageOptions extends Pick<SmallAppOptions, "change" | "parts" | "shell"> {
  readonly name?: string;
  readonly version?: string;
  readonly compression?: "best" | "fast";
  readonly linux?: Parameters<typeof resolveLinux>[0];
}

/** A small app in a format, for x64 whatever this machine is. */
export async function packageFor(format: FormatId, options: PackageOptions = {}): Promise<PackagedApp> {
  const { name = "Plain Notes", version = "1.2.3", compression = "fast", linux, ...rest } = options;
  const slug = slugOf(name, IDENTIFIER);
  return packageSmallApp({
    ...rest,
    target: "linux-x64",
    format,
    app: { name, slug, version, description: "Keeps notes, and nothing else." },
    package: { compression, linux: resolveLinux(linux) },
  });
}

/** Everything that is hard for an archive: long paths, links, empty folders, odd names, thousands of files. */
export function hardTree(count: number): Required<Pick<SmallAppOptions, "change" | "parts">> {
  const deep = `${"d".repeat(120)}/${"e".repeat(120)}/${"f".repeat(60)}`;
  const odd = [`${deep}/300 characters`, `a.b c'd"e $HOME`, "日本語/ファイル", "back\\slash", "100%", "-rf", "é"];
  const many = Array.from({ length: count }, (_, at) => `many/${String(at % 40)}/${String(at)}.txt`);
  const paths = [...odd, ...many];
  return {
    parts: Object.fromEntries(paths.map((path) => [path, "app code"])),
    async change(root) {
      for (const folder of new Set(paths.map((path) => dirname(join(root, path)))))
        await mkdir(folder, { recursive: true });
      await Promise.all(paths.map((path) => writeFile(join(root, path), path)));
      await mkdir(join(root, "empty/deeper"), { recursive: true });
      await symlink(deep, join(root, "to deep"));
      await symlink("../empty", join(root, "many/up"));
      await symlink("nowhere/yet", join(root, "dangling"));
    },
  };
}
