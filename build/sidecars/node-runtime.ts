/** The Node that a `pkg` sidecar is made of, and the Node that makes it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ErthError, systemCode } from "../../runtime/base/errors.ts";
import { executableSuffix, hostTarget, osOf, type Target, type TargetOs } from "../plan/target.ts";
import type { Pieces } from "../stages/stage.ts";
import { NODE_VERSION } from "../vendor/requirements.ts";
import type { Vendor } from "../vendor/vendor.ts";
import { savingOf, stripElf, stripMachO } from "./strip-file.ts";
import { sha256OfFile } from "../artifacts/digest.ts";
import { unsignPe } from "./unsign-pe.ts";

export interface NodeRuntime {
  /** The program, absolute. */
  readonly path: string;
  /** Names these very bytes in cache keys. */
  readonly key: string;
  /** What was taken from the vendor's program, for people; undefined: nothing. */
  readonly stripped: string | undefined;
}

/** What is done to a Node before pkg gets it: symbols go that only a debugger reads, and signatures that injecting would break. */
const PREPARED: Readonly<Record<TargetOs, { name: string; write(from: string, to: string): Promise<void> }>> = {
  // 150 → 116 MB
  linux: { name: "elf-strip v1", write: stripElf },
  // 147 → 107 MB
  darwin: { name: "mach-o-strip v1", write: stripMachO },
  win32: { name: "unsign-pe v1", write: unsignPe },
};

/** The locked Node of a target, ready to carry a sidecar. */
export async function targetNode(target: Target, vendor: Vendor, pieces: Pieces): Promise<NodeRuntime> {
  const path = await programOf(target, vendor);
  // A local folder may stand in without a digest; then its content is the key.
  const digest = vendor.digest(`node/${target}`) ?? (await sha256OfFile(path));
  const prepare = PREPARED[osOf(target)];
  const key = `${prepare.name} node ${digest}`;
  const prepared = await pieces.get(key, (temporary) => prepare.write(path, temporary));
  return { path: prepared, key, stripped: await savingOf(`Node ${NODE_VERSION}`, path, prepared) };
}

/**
 * A Node of the locked version that runs here. The blob's layout changes
 * between patch releases of Node, so the one that writes it must be the one
 * that reads it.
 */
export async function hostNode(vendor: Vendor): Promise<string> {
  if (process.versions.node === NODE_VERSION && process.versions.bun === undefined) return process.execPath;
  const host = hostTarget();
  if (host) return programOf(host, vendor);
  throw new ErthError({
    code: "NODE_VERSION",
    message: `Building a pkg sidecar needs Node ${NODE_VERSION}; this is ${process.version} on ${process.platform}-${process.arch}.`,
    remedy: `npm install --save-dev node@${NODE_VERSION}, then npx erth release`,
  });
}

async function programOf(target: Target, vendor: Vendor): Promise<string> {
  const folder = await vendor.folder(`node/${target}`);
  const found = await packageVersion(folder);
  if (found !== undefined && found !== NODE_VERSION) {
    throw new ErthError({
      code: "NODE_VERSION",
      message: `${folder} has Node ${found} for node/${target}; this version of erth builds with ${NODE_VERSION}.`,
      remedy: `put Node ${NODE_VERSION} there, or remove node/${target} from vendor.folders`,
    });
  }
  return join(folder, "bin", `node${executableSuffix(target)}`);
}

async function packageVersion(folder: string): Promise<string | undefined> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    return typeof manifest === "object" && manifest !== null && "version" in manifest
      ? String(manifest.version)
      : undefined;
  } catch (error) {
    // A local folder may hold the bare program.
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
