/**
 * Unpacks the apps of an untrusted installer package into a folder that goes
 * away. Everything is read once and compared with the Bom; only apps are
 * written, never through a link, and never over one another.
 */
import { mkdir, open, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { withFileRange } from "../../build/formats/byte-range.ts";
import { staysInside } from "../../build/formats/payload.ts";
import { type PkgReading, type PkgTaker, readPkg } from "../../build/formats/pkg-reader.ts";
import { ErthError, type Problem, systemCode } from "../../runtime/base/errors.ts";
import type { VerifySession } from "./session.ts";

export interface UnpackedPkg {
  readonly problems: readonly Problem[];
  readonly components: PkgReading["components"];
  readonly folder: string;
  /** Paths of apps in the folder. */
  readonly apps: readonly string[];
}

/** Never throws for what is in the file. */
export async function unpackPkg(path: string, session: VerifySession): Promise<UnpackedPkg> {
  const folder = await session.newFolder();
  const problems: Problem[] = [];
  const links = new Map<string, string>();
  const reading = await collecting(problems, () =>
    withFileRange(path, (range) =>
      readPkg(range, { limits: session.limits, signal: session.signal, taker: appTaker(folder, links) }),
    ),
  );
  problems.push(...(reading?.problems ?? []));
  // Links come last: nothing is ever written through one.
  for (const [place, target] of links) await collecting(problems, () => makeLink(folder, place, target));
  const { components = [] } = reading ?? {};
  const apps = components.flatMap(({ name, entries }) =>
    topmost(entries.flatMap(({ path: inside }) => APP_MARKER.exec(inside)?.[1] ?? [])).map((app) =>
      name === "" ? app : `${name}/${app}`,
    ),
  );
  return { problems, components, folder, apps };
}

/** An app is what has an Info.plist, as in a zip. */
const APP_MARKER = /^\.\/((?:[^/]+\/)*?[^/]+\.app)\/Contents\/Info\.plist$/;
const IN_APP = /(?:^|\/)[^/]+\.app(?:\/|$)/;

function appTaker(folder: string, links: Map<string, string>): PkgTaker {
  return {
    async folder(path) {
      if (IN_APP.test(path)) await written(path, () => mkdir(join(folder, path), { recursive: true }));
    },
    async file(path, mode) {
      if (!IN_APP.test(path)) return undefined;
      return await written(path, async () => {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        return await open(join(folder, path), "wx", 0o600 | (mode & 0o100));
      });
    },
    async link(path, target) {
      if (IN_APP.test(path)) links.set(path, target);
    },
  };
}

async function makeLink(folder: string, path: string, target: string): Promise<void> {
  if (!staysInside(path.split("/").slice(0, -1).join("/"), target)) {
    throw new ErthError({
      code: "PKG_LINK",
      message: `${path} leads out of the package: ${JSON.stringify(target)}.`,
      remedy: "make it again: erth package",
    });
  }
  await written(path, async () => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await symlink(target, join(folder, path));
  });
}

/** Two entries of one path, or a file where another has a folder, are a fault of the package. */
async function written<Result>(path: string, task: () => Promise<Result>): Promise<Result> {
  try {
    return await task();
  } catch (cause) {
    if (!["EEXIST", "ENOTDIR", "EISDIR", "ENAMETOOLONG"].includes(systemCode(cause) ?? "")) throw cause;
    throw new ErthError({
      code: "PKG_DAMAGED",
      message: `the package is damaged: ${path} cannot lie beside what else is in it (${systemCode(cause)}).`,
      remedy: "make it again: erth package",
      cause,
    });
  }
}

/** Apps that lie in no other one. */
function topmost(apps: readonly string[]): readonly string[] {
  return apps.filter((app) => !apps.some((other) => app.startsWith(`${other}/`)));
}

async function collecting<Result>(problems: Problem[], task: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems.push({ code: error.code, message: error.message, remedy: error.remedy });
    return undefined;
  }
}
