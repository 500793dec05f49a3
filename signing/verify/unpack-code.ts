/**
 * Unpacks the apps and programs of an untrusted zip into a folder that goes
 * away. Everything is read once and compared with its checksum; only apps and
 * code are written, never through a link, and never more than was promised.
 */
import { createWriteStream } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { withFileRange } from "../../build/formats/byte-range.ts";
import { staysInside } from "../../build/formats/payload.ts";
import { zipContent } from "../../build/formats/zip-content.ts";
import { type ScannedZip, scanZip, type ZipMember, zipProblem } from "../../build/formats/zip-scan.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { HEAD_BYTES, kindOfHead } from "./kind.ts";
import type { VerifySession } from "./session.ts";
import type { FileKind } from "./verification.ts";

export interface UnpackedCode {
  readonly problems: readonly Problem[];
  readonly scanned: ScannedZip;
  readonly folder: string;
  /** Paths in the folder of apps and of single files of code; apps come first. */
  readonly found: readonly string[];
}

/** What is worth looking at inside; archives in archives are data. */
const CODE_KINDS: readonly FileKind[] = ["mach-o", "pe", "msi", "elf", "appimage", "deb", "rpm", "pkg"];
const APP_MARKER = /^((?:[^/]+\/)*?[^/]+\.app)\/Contents\/Info\.plist$/;
const MAX_LINK_BYTES = 4096;
const AT_ONCE = 4;

/** Never throws for what is in the file. */
export async function unpackCode(path: string, session: VerifySession): Promise<UnpackedCode> {
  const folder = await session.newFolder();
  const problems: Problem[] = [];
  let scanned: ScannedZip = { problems: [], members: [] };
  await collecting(problems, async () => {
    scanned = await withFileRange(path, (range) => scanZip(range, session.limits));
    problems.push(...scanned.problems);
  });
  const apps = topmost(scanned.members.flatMap(({ name }) => APP_MARKER.exec(name)?.[1] ?? []));
  const isInApp = (name: string): boolean => apps.some((app) => name === app || name.startsWith(`${app}/`));
  const code: string[] = [];
  const links: { readonly name: string; readonly target: string }[] = [];
  const unpackOne = async (member: ZipMember): Promise<void> => {
    session.signal?.throwIfAborted();
    const { name, kind } = member;
    if (kind === "link") {
      const target = await linkTarget(path, member);
      const parent = name.split("/").slice(0, -1).join("/");
      // A link of an app has to stay in the app; `inspectApp` looks at that, once it is there.
      if (target === "" || !staysInside(parent, target))
        problems.push(
          zipProblem("ZIP_LINK", `${JSON.stringify(name)} leads out of the archive: ${JSON.stringify(target)}.`),
        );
      else if (isInApp(name)) links.push({ name, target });
    } else if (await writeFile(path, member, isInApp(name) ? folder : undefined, folder)) code.push(name);
  };
  for (const { name, kind } of scanned.members) {
    if (kind === "folder" && isInApp(name)) await mkdir(join(folder, name), { recursive: true });
  }
  // The big ones first, so that none of them is left alone at the end.
  const waiting = scanned.members.filter(({ kind }) => kind !== "folder").sort((a, b) => b.bytes - a.bytes);
  const work = async (): Promise<void> => {
    for (let member = waiting.shift(); member !== undefined; member = waiting.shift()) {
      const one = member;
      await collecting(problems, () => unpackOne(one));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  // Links come last: nothing is ever written through one.
  for (const { name, target } of links) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await symlink(target, join(folder, name));
  }
  return { problems, scanned, folder, found: [...apps, ...code.toSorted()] };
}

/** Apps that lie in no other one. */
function topmost(apps: readonly string[]): readonly string[] {
  return apps.filter((app) => !apps.some((other) => app.startsWith(`${other}/`))).toSorted();
}

/** Reads all of a member, and writes it where it is of an app or code; whether it is code of its own. */
async function writeFile(
  path: string,
  member: ZipMember,
  appFolder: string | undefined,
  folder: string,
): Promise<boolean> {
  let isCode = false;
  const content = zipContent(path, member);
  const first = await content.next();
  const head = first.done ? new Uint8Array() : first.value;
  if (appFolder === undefined) isCode = CODE_KINDS.includes(kindOfHead(head.subarray(0, HEAD_BYTES)));
  if (appFolder === undefined && !isCode) {
    for await (const _ of content);
    return false;
  }
  const target = join(folder, member.name);
  await mkdir(dirname(target), { recursive: true });
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    if (!first.done) yield head;
    yield* content;
  };
  await pipeline(whole, createWriteStream(target, { flags: "wx", mode: 0o600 | (member.mode & 0o100) }));
  return isCode;
}

async function linkTarget(path: string, member: ZipMember): Promise<string> {
  if (member.bytes > MAX_LINK_BYTES) return "";
  const pieces: Uint8Array[] = [];
  for await (const piece of zipContent(path, member)) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}

async function collecting(problems: Problem[], task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems.push({ code: error.code, message: error.message, remedy: error.remedy });
  }
}
