/** What a sidecar adds to its bundle for one target: addons, stripped where that helps, and the seed. */
import { access, copyFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ErthError } from "../../runtime/base/errors.ts";
import { SEED_FILE, addonFile } from "../../runtime/sidecar-native/embedded.ts";
import { sha256OfFile } from "../artifacts/digest.ts";
import type { Part } from "../config/resolved-config.ts";
import { osOf, type Target } from "../plan/target.ts";
import type { Pieces } from "../stages/stage.ts";
import type { Vendor } from "../vendor/vendor.ts";
import { targetAddons } from "./natives.ts";
import { savingOf, stripElf } from "./strip-file.ts";

export interface TargetPart {
  /** As the running sidecar asks for it: `natives/libsql.node`, `seed.db`. */
  readonly name: string;
  readonly part: Part;
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface TargetPartsRequest {
  /** Folder of the `sidecar-bundle` artifact. */
  readonly bundleFolder: string;
  /** Folder of the `database` artifact. */
  readonly databaseFolder: string;
  readonly target: Target;
  readonly vendor: Vendor;
  readonly pieces: Pieces;
  readonly log: (text: string) => void;
}

/** The parts in the order in which they are embedded; the seed last, since it changes most often. */
export async function targetParts(request: TargetPartsRequest): Promise<readonly TargetPart[]> {
  const { bundleFolder, databaseFolder, target, vendor, pieces, log } = request;
  const parts: TargetPart[] = [];
  for (const addon of await targetAddons(bundleFolder, target, vendor)) {
    const path = osOf(target) === "linux" ? await strippedAddon(addon.path, pieces) : addon.path;
    const saving = await savingOf(addon.name, addon.path, path);
    if (saving !== undefined) log(saving);
    parts.push(await describe(addonFile(addon.name), "natives", path));
  }
  const seed = join(databaseFolder, SEED_FILE);
  if (await exists(seed)) parts.push(await describe(SEED_FILE, "database", seed));
  return parts;
}

async function strippedAddon(path: string, pieces: Pieces): Promise<string> {
  return pieces.get(`elf-strip v1 addon ${await sha256OfFile(path)}`, async (temporary) => {
    try {
      await stripElf(path, temporary);
    } catch (error) {
      // Stripping only saves bytes; an addon of an unusual make is shipped as its author built it.
      if (!(error instanceof ErthError) || error.code !== "ELF_UNSUPPORTED") throw error;
      await copyFile(path, temporary);
    }
  });
}

async function describe(name: string, part: Part, path: string): Promise<TargetPart> {
  return { name, part, path, bytes: (await stat(path)).size, sha256: await sha256OfFile(path) };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
