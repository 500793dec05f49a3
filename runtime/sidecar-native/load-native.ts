/** Loads a native addon that the build put into the sidecar: what `erth:native/<family>` stands for. */
import { existsSync } from "node:fs";
import { ErthError, messageOf } from "../base/errors.ts";
import { appFolders } from "../base/folders.ts";
import { keepAddon } from "./addon-cache.ts";
import { addonFile, besideScript, insideExecutable } from "./embedded.ts";

const loaded = new Map<string, unknown>();

/**
 * The addon's exports. A library loads its addon when it is imported, before
 * the sidecar is told its folders, so the cache folder follows from the app's
 * identifier, by the same rule (`base/folders.ts`) as the parent's.
 */
export function loadNative(family: string, identifier: string): unknown {
  if (!loaded.has(family)) loaded.set(family, load(family, pathOf(family, identifier)));
  return loaded.get(family);
}

function pathOf(family: string, identifier: string): string {
  const inside = insideExecutable(addonFile(family));
  if (inside) return keepAddon(appFolders(identifier).cache, family, inside);
  const path = besideScript(addonFile(family));
  if (existsSync(path)) return path;
  throw new ErthError({
    code: "NATIVE_MISSING",
    message: `The native addon ${family} is neither inside this executable nor at ${path}.`,
    remedy: "install the app again",
  });
}

function load(family: string, path: string): unknown {
  const module: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (cause) {
    throw new ErthError({
      code: "NATIVE_LOAD_FAILED",
      message: `The native addon ${family} at ${path} does not load: ${messageOf(cause)}.`,
      remedy:
        "allow programs to run from that folder (it may be mounted noexec), or set ERTH_HOME to another, and start again",
      cause,
    });
  }
  return module.exports;
}
