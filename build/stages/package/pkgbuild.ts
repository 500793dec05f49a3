/**
 * The same package by Apple's own tools, on a Mac: pkgbuild writes the
 * component, productbuild puts our Distribution around it. It follows
 * pkgbuild(1) and productbuild(1) and has not been run: no Mac was at hand.
 */
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { componentName, type PkgFacts, renderDistribution } from "../../formats/pkg-metadata.ts";
import { locate } from "../../tools/locate.ts";
import type { TargetContext } from "../stage.ts";
import type { AppFolder } from "./app-tree.ts";

export interface PkgbuildRequest {
  readonly ctx: TargetContext;
  readonly app: AppFolder;
  readonly facts: PkgFacts;
  /** The finished file, absolute. */
  readonly path: string;
}

/** Whether both tools are here. */
export async function hasPkgbuild(): Promise<boolean> {
  if (process.platform !== "darwin") return false;
  return (await Promise.all(["pkgbuild", "productbuild"].map((tool) => locate(tool)))).every(Boolean);
}

/** Writes the package. Throws `EXEC_FAILED` with the tools' own words. */
export async function writeByPkgbuild({ ctx, app, facts, path }: PkgbuildRequest): Promise<void> {
  const { scripts } = ctx.config.package.pkg;
  const { identifier, version, installLocation, bundleName } = facts;
  const scratch = `${path}.pkgbuild`;
  const component = join(scratch, componentName(facts));
  const run = (tool: string, args: readonly string[]): Promise<unknown> => ctx.exec(tool, args, { signal: ctx.signal });
  try {
    const root = join(scratch, "root");
    await mkdir(root, { recursive: true });
    // The staged folder has a name of its own; the copy shares its blocks where the file system can.
    await cp(app.path, join(root, bundleName), { recursive: true, verbatimSymlinks: true });
    const plist = join(scratch, "components.plist");
    await run("pkgbuild", ["--analyze", "--root", root, plist]);
    // Otherwise the app is installed over whatever copy Spotlight finds.
    await run("plutil", ["-replace", "0.BundleIsRelocatable", "-bool", "NO", plist]);
    const where = ["--root", root, "--component-plist", plist, "--install-location", installLocation];
    const extras = scripts === undefined ? [] : ["--scripts", scripts];
    await run("pkgbuild", [...where, ...extras, "--identifier", identifier, "--version", version, component]);
    const distribution = join(scratch, "Distribution");
    // productbuild fills in the size.
    await writeFile(distribution, renderDistribution(facts, { count: 0, installKBytes: 0, scripts: [] }));
    await run("productbuild", ["--distribution", distribution, "--package-path", scratch, path]);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
