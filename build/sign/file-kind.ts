/** What a thing to sign is, told by its bytes and not by its name. */
import { open, stat } from "node:fs/promises";
import { isFat } from "../../signing/apple/fat.ts";
import { isMachO } from "../../signing/apple/mach-o.ts";
import { isKoly, KOLY_BYTES } from "../../signing/apple/udif.ts";
import { BLOCK_MAP_NAME } from "../formats/msix.ts";
import { readZipDirectory } from "../formats/zip-directory.ts";
import { ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";
import { isCompoundFile, isPe } from "./windows-code.ts";

export type FileKind = "app" | "mach-o" | "dmg" | "pkg" | "pe" | "msi" | "msix" | "zip" | "other";

/** The kind. Throws `SIGN_UNREADABLE`, and `SIGN_KIND` for a folder that is no app. */
export async function fileKindOf(path: string): Promise<FileKind> {
  try {
    if ((await stat(path)).isDirectory()) {
      if (path.replace(/\/+$/, "").endsWith(".app")) return "app";
      throw new ErthError({
        code: "SIGN_KIND",
        message: `${path} is a folder that is no .app.`,
        remedy: "name an .app, or single files",
      });
    }
    return await kindOfFile(path);
  } catch (cause) {
    if (cause instanceof ErthError || systemCode(cause) === undefined) throw cause;
    throw new ErthError({
      code: "SIGN_UNREADABLE",
      message: `${path} cannot be read: ${systemCode(cause) ?? messageOf(cause)}.`,
      remedy: "name a file that exists and may be read",
      cause,
    });
  }
}

/** App packages are zips with a map of their blocks. */
async function isAppPackage(path: string): Promise<boolean> {
  try {
    return (await readZipDirectory(path)).some(({ name }) => name === BLOCK_MAP_NAME);
  } catch (cause) {
    if (cause instanceof ErthError) return false;
    throw cause;
  }
}

async function kindOfFile(path: string): Promise<FileKind> {
  if (await isPe(path)) return "pe";
  if (await isCompoundFile(path)) return "msi";
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(Math.min(size, 8));
    await file.read(head, 0, head.length, 0);
    if (head.toString("latin1", 0, 4) === "xar!") return "pkg";
    if (head.toString("latin1", 0, 4) === "PK\u0003\u0004") return (await isAppPackage(path)) ? "msix" : "zip";
    if (isFat(head) || isMachO(head)) return "mach-o";
    const tail = Buffer.alloc(Math.min(size, KOLY_BYTES));
    await file.read(tail, 0, tail.length, size - tail.length);
    return isKoly(tail) ? "dmg" : "other";
  } finally {
    await file.close();
  }
}
