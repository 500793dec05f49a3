/** `package.setup`: what the Windows installers, `-setup.exe` and `.msi`, do with the app. */
import { resolve } from "node:path";
import { z } from "zod";
import { lineRule, pathRule, type Rule } from "../rules.ts";
import { ruled } from "../ruled.ts";

export interface SetupConfig {
  /** Of the setup; an `.msi` is always for the machine. */
  readonly scope: "user" | "machine";
  readonly desktopShortcut: "ask" | "always" | "never";
  readonly runAfterInstall: boolean;
  /** A text or RTF file, absolute. */
  readonly license: string | undefined;
  /** URL schemes, without a colon. */
  readonly protocols: readonly string[];
  readonly fileTypes: readonly { readonly extension: string; readonly description: string }[];
  /** Microsoft's bootstrapper of the WebView2 Runtime, absolute; undefined: only check. */
  readonly webview2Bootstrapper: string | undefined;
}

/** RFC 3986 §3.1, in lower case as Windows compares it. */
const schemeRule: Rule = (scheme) =>
  /^[a-z][a-z0-9+.-]+$/.test(scheme)
    ? undefined
    : { reason: "a URL scheme has lower-case letters, digits, +, . and -", fix: 'write protocols: ["my-app"]' };

/** The parts of a file name that the registry takes as a key. */
const extensionRule: Rule = (extension) =>
  /^[\p{L}\p{N}][\p{L}\p{N}_+-]*$/u.test(extension)
    ? undefined
    : { reason: "an extension has letters and digits, and no dot before them", fix: 'write extension: "notes"' };

export const setupSchema = z
  .strictObject({
    scope: z
      .enum(["user", "machine"])
      .describe("Whether the setup installs for one user, without questions, or for all, by an administrator.")
      .meta({ default: "user" })
      .optional(),
    desktopShortcut: z
      .enum(["ask", "always", "never"])
      .describe("A link on the desktop; asked for on a page of its own, or by /DESKTOP.")
      .meta({ default: "ask" })
      .optional(),
    runAfterInstall: z
      .boolean()
      .describe("Whether the last page offers to start the app.")
      .meta({ default: true })
      .optional(),
    license: ruled(pathRule, "A text (UTF-8) or RTF file to agree to.", "LICENSE.txt").optional(),
    protocols: z
      .array(ruled(schemeRule, "A URL scheme, without a colon.", "my-app"))
      .describe("URL schemes that the app opens.")
      .optional(),
    fileTypes: z
      .array(
        z.strictObject({
          extension: ruled(extensionRule, "Extension of the files, without a dot.", "notes"),
          description: ruled(lineRule, "What such a file is called.", "Notes document"),
        }),
      )
      .describe("Files that the app opens.")
      .optional(),
    webview2: z
      .union([
        z.literal("check"),
        z.strictObject({
          bootstrapper: ruled(pathRule, "MicrosoftEdgeWebview2Setup.exe, relative to this file.", "webview2.exe"),
        }),
      ])
      .meta({
        description: "What to do without the WebView2 Runtime: say so, or run Microsoft's bootstrapper.",
        default: "check",
      })
      .optional(),
  })
  .describe("The installers of Windows.");

/** The section with its defaults; paths start at `root`. */
export function resolveSetup(asked: z.input<typeof setupSchema> | undefined, root: string): SetupConfig {
  const { license, webview2 } = asked ?? {};
  const bootstrapper = typeof webview2 === "object" ? webview2.bootstrapper : undefined;
  return {
    scope: asked?.scope ?? "user",
    desktopShortcut: asked?.desktopShortcut ?? "ask",
    runAfterInstall: asked?.runAfterInstall ?? true,
    license: license === undefined ? undefined : resolve(root, license),
    protocols: asked?.protocols ?? [],
    fileTypes: asked?.fileTypes ?? [],
    webview2Bootstrapper: bootstrapper === undefined ? undefined : resolve(root, bootstrapper),
  };
}
