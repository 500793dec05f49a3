/** Where code and data may lie in a bundle: what `codesign` refuses, found before anything is written. */
import type { Problem } from "../../runtime/base/errors.ts";
import { type Bundle, sealedPaths } from "./bundle.ts";
import type { BundleEntry } from "./bundle-tree.ts";

/** Every file that no seal can cover, and every main executable that is none; `code` are the paths of Mach-O code. */
export function layoutProblems(
  bundles: readonly Bundle[],
  entries: readonly BundleEntry[],
  code: ReadonlySet<string>,
): readonly Problem[] {
  const problems: Problem[] = entries
    .filter(({ path }) => !path.includes("/") && path !== "Contents")
    .map(({ path }) => ({
      code: "BUNDLE_UNSEALED",
      message: `${path} lies beside Contents, where no seal covers it.`,
      remedy: "move it to Contents/Resources, then: erth sign",
    }));
  for (const bundle of bundles) {
    if (!code.has(bundle.executable)) {
      problems.push({
        code: "BUNDLE_INVALID",
        message: `${bundle.executable} is the main executable, and no Mach-O program.`,
        remedy: "name a program as CFBundleExecutable; a script can be started by one. Then: erth build && erth sign",
      });
    }
    for (const { entry, isNested } of sealedPaths(bundle, entries)) {
      const isSigned = entry.kind === "folder" ? bundles.some(({ path }) => path === entry.path) : code.has(entry.path);
      if (!isNested || isSigned) continue;
      problems.push({
        code: "BUNDLE_LOOSE_FILE",
        message: `${entry.path} lies where only signed code may, and is ${entry.kind === "folder" ? "no bundle" : "no Mach-O file"}.`,
        remedy: "move it to Contents/Resources, then: erth build && erth sign",
      });
    }
  }
  return problems;
}
