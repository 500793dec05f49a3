/** Signs Windows programs and libraries as the config says, one by one or all of an app folder. */
import { open } from "node:fs/promises";
import { basename, join } from "node:path";
import { signMsi } from "../../signing/windows/sign-msi.ts";
import { signPe } from "../../signing/windows/sign-pe.ts";
import { kindOfFile } from "../../signing/verify/kind.ts";
import { verifyPe } from "../../signing/windows/verify-pe.ts";
import { listTree } from "../artifacts/digest.ts";
import { limiter } from "../artifacts/limiter.ts";
import type { WindowsSigning } from "../config/resolved-signing.ts";
import type { Keyring } from "../keys/keyring.ts";
import { naming } from "../tools/naming.ts";

/** A key service takes a moment for each signature; it answers several at once. */
const SIGNATURES_AT_ONCE = 4;
const DOS_HEADER_BYTES = 64;
/** e_lfanew: where the header of today begins. */
const NEW_HEADER_AT = 0x3c;

export interface SignWindowsFileRequest {
  readonly keyring: Keyring;
  readonly windows: WindowsSigning;
  /** Absolute; they may be the same. */
  readonly input: string;
  readonly output: string;
  readonly signal: AbortSignal;
}

/** Signs a program, a library or a Windows Installer file. Throws what `signPe` and `signMsi` throw, the file's name before it. */
export async function signWindowsFile(request: SignWindowsFileRequest): Promise<void> {
  const { keyring, windows, input, output, signal } = request;
  const { signer } = await keyring.codeKey(windows.key);
  const { description, url, timestampUrl } = windows;
  const { fetch } = keyring.world;
  const settings = { signer, description, timestampUrl, fetch, signal, ...(url === undefined ? {} : { url }) };
  await naming(basename(input), async () => {
    const sign = (await kindOfFile(input)) === "msi" ? signMsi : signPe;
    await sign({ input, output, ...settings });
  });
}

export interface SignedFolder {
  /** Paths from the folder, "/" separated. */
  readonly signed: readonly string[];
  /** Those that keep their vendor's own valid signature. */
  readonly kept: readonly string[];
}

/**
 * Signs every program and library of a folder in place. Code with a valid
 * signature by its vendor keeps it unless `vendorCode` is "sign": Windows
 * already trusts it, and nothing in it is ours.
 */
export async function signPeFolder(
  keyring: Keyring,
  windows: WindowsSigning,
  folder: string,
  signal: AbortSignal,
): Promise<SignedFolder> {
  const signed: string[] = [];
  const kept: string[] = [];
  const limit = limiter(SIGNATURES_AT_ONCE);
  const tasks = (await listTree(folder)).map(({ path, kind }) =>
    limit(async () => {
      const file = join(folder, path);
      if (kind !== "file" || !(await isPe(file))) return;
      const isKept = windows.vendorCode === "keep" && (await hasValidSignature(file, keyring.world.now()));
      if (!isKept) await signWindowsFile({ keyring, windows, input: file, output: file, signal });
      (isKept ? kept : signed).push(path);
    }),
  );
  // All of them end before the first fault is told: none may write after that.
  const results = await Promise.allSettled(tasks);
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
  return { signed: signed.sort(), kept: kept.sort() };
}

async function hasValidSignature(file: string, now: Date): Promise<boolean> {
  const { problems, signatures } = await verifyPe({ file, now });
  return problems.length === 0 && signatures.length > 0;
}

/** Whether a file is a Windows program or library by its first bytes, whatever its name: `.exe`, `.dll`, `.node`. */
async function isPe(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const dos = Buffer.alloc(DOS_HEADER_BYTES);
    const { bytesRead } = await file.read(dos, 0, dos.length, 0);
    if (bytesRead < dos.length || dos.toString("latin1", 0, 2) !== "MZ") return false;
    const signature = Buffer.alloc(4);
    await file.read(signature, 0, 4, dos.readUInt32LE(NEW_HEADER_AT));
    return signature.toString("latin1") === "PE\0\0";
  } finally {
    await file.close();
  }
}
