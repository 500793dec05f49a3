/** The `package` section of the config → how the finished files are packed. */
import { resolve } from "node:path";
import { DEFAULT_FORMATS, FORMAT_IDS, type FormatId } from "../../plan/package-format.ts";
import type { TargetOs } from "../../plan/target.ts";
import type { ResolvedConfig } from "../resolved-config.ts";
import type { UserConfig } from "../schema.ts";
import { resolveAppImage } from "./appimage.ts";
import { resolveDmg } from "./dmg.ts";
import { resolveLinux } from "./linux.ts";
import { resolveMsix } from "./msix.ts";
import { resolvePkg } from "./pkg.ts";
import { resolveSetup } from "./setup.ts";

/** Defaults for all that is left out; paths start at `root`. */
export function resolvePackage(
  written: UserConfig["package"],
  app: Pick<ResolvedConfig["app"], "identifier" | "publisher">,
  root: string,
): ResolvedConfig["package"] {
  return {
    compression: written?.compression ?? "best",
    formats: resolveFormats(written?.formats),
    dmg: resolveDmg(written?.dmg, (path) => resolve(root, path)),
    appimage: resolveAppImage(written?.appimage),
    linux: resolveLinux(written?.linux),
    msix: resolveMsix(written?.msix, app),
    pkg: resolvePkg(written?.pkg, (path) => resolve(root, path)),
    setup: resolveSetup(written?.setup, root),
  };
}

/** Each format once, in the order of `FORMAT_IDS`. */
function resolveFormats(
  asked: Readonly<Partial<Record<TargetOs, readonly FormatId[] | undefined>>> = {},
): ResolvedConfig["package"]["formats"] {
  const formats = (os: TargetOs): readonly FormatId[] => {
    const named = asked[os] ?? DEFAULT_FORMATS[os];
    return FORMAT_IDS.filter((id) => named.includes(id));
  };
  return { darwin: formats("darwin"), win32: formats("win32"), linux: formats("linux") };
}
