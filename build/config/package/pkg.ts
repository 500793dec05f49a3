/** `package.pkg`: how Installer and management tools install the app on a Mac. */
import { z } from "zod";
import type { PkgDomain } from "../../formats/pkg-metadata.ts";
import { ruled } from "../ruled.ts";
import { pathRule, type Rule } from "../rules.ts";

export interface PkgConfig {
  /** Absolute on the user's disk. */
  readonly installLocation: string;
  readonly domain: PkgDomain;
  /** Folder with `preinstall`, `postinstall` and what they need, absolute. */
  readonly scripts: string | undefined;
  /** Who writes the package: erth itself on any host, or Apple's pkgbuild and productbuild on a Mac. */
  readonly tool: "erth" | "pkgbuild";
}

const DEFAULTS = { installLocation: "/Applications", domain: "system", tool: "erth" } as const;

const installLocationRule: Rule = (path) => {
  const fix = 'write installLocation: "/Applications"';
  if (!path.startsWith("/")) return { reason: "it must be an absolute path on the user's Mac", fix };
  const names = path.slice(1).split("/");
  if (path !== "/" && names.some((name) => name === "" || name === "." || name === ".."))
    return { reason: "it has an empty folder name, . or ..", fix };
  return /\p{Cc}/u.test(path) ? { reason: "it has a control character", fix } : undefined;
};

export const pkgSchema = z
  .strictObject({
    installLocation: ruled(
      installLocationRule,
      "Where the app is installed; in the home folder for one user.",
      "/Applications",
    )
      .meta({ default: DEFAULTS.installLocation })
      .optional(),
    domain: z
      .enum(["system", "user", "any"])
      .describe("Install for everyone, for the user alone, or as the user chooses.")
      .meta({ default: DEFAULTS.domain })
      .optional(),
    scripts: ruled(
      pathRule,
      "Folder with an executable `preinstall`, `postinstall` or both, relative to this file.",
      "installer/scripts",
    ).optional(),
    tool: z
      .enum(["erth", "pkgbuild"])
      .describe("`pkgbuild` lets Apple's own tools write the package, on a Mac only.")
      .meta({ default: DEFAULTS.tool })
      .optional(),
  })
  .describe("The installer package of macOS, for managed installs.");

export function resolvePkg(asked: z.input<typeof pkgSchema> = {}, at: (path: string) => string): PkgConfig {
  const { installLocation, domain, scripts, tool } = asked;
  return {
    installLocation: installLocation ?? DEFAULTS.installLocation,
    domain: domain ?? DEFAULTS.domain,
    scripts: scripts === undefined ? undefined : at(scripts),
    tool: tool ?? DEFAULTS.tool,
  };
}
