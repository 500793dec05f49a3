/** Signs one thing as its kind is signed, in its place: the old bytes stay until the new ones are whole. */
import { rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import { ErthError } from "../../runtime/base/errors.ts";
import { withFileRange } from "../formats/byte-range.ts";
import { defaultEntitlements } from "../../signing/apple/default-entitlements.ts";
import { signMachO } from "../../signing/apple/sign-mach-o.ts";
import {
  AD_HOC,
  machOSigner,
  type WhoSigned,
  whoSignedApple,
  whoSignedMsix,
  whoSignedWindows,
} from "../../signing/who-signed.ts";
import { temporaryName } from "../artifacts/whole-file.ts";
import type { Keyring } from "../keys/keyring.ts";
import type { DetachedSignature } from "../plan/signing-plan.ts";
import { signDetached, SUFFIXES } from "./detached.ts";
import { kindOfFile } from "../../signing/verify/kind.ts";
import type { FileKind } from "../../signing/verify/verification.ts";
import { codeSigningOptions, signMacApp } from "./mac-app.ts";
import {
  signAppImageByKey,
  signAppPackage,
  signDiskImage,
  signPackage,
  signProgram,
  signRpmByKey,
} from "./sign-installer.ts";

export interface SignRequest {
  readonly keyring: Keyring;
  /** Absolute. */
  readonly path: string;
  readonly version?: string | undefined;
  readonly signal: AbortSignal;
}

export interface Signed {
  readonly kind: FileKind;
  /** Who signed the thing itself; undefined where signatures lie beside it. */
  readonly signature: WhoSigned | undefined;
  /** Signatures beside it: file name, kind and key. */
  readonly detached: readonly { readonly path: string; readonly role: DetachedSignature; readonly signedBy: string }[];
}

/** Signs, and says who did. Throws `SIGN_NO_KEY` where the config has no key for it, `SIGN_KIND`, and what signing throws. */
export async function signAnything(request: SignRequest): Promise<Signed> {
  const { keyring, path, signal } = request;
  const kind = await kindOfFile(path);
  const { apple, windows } = keyring.signing;
  const signature = async (who: Promise<WhoSigned | undefined>): Promise<Signed> => ({
    kind,
    signature: await who,
    detached: [],
  });
  switch (kind) {
    case "app":
      await signMacApp({ keyring, app: path, signal });
      return signature(whoSignedApple(path));
    case "mach-o":
      await signCode(request);
      return signature(withFileRange(path, machOSigner));
    case "dmg":
      if (apple === undefined) throw noKey(path, "signing.apple.key");
      await replaced(path, (output) => signDiskImage(installer(request, output), apple));
      return signature(whoSignedApple(path));
    case "pkg": {
      const key = apple?.installerKey;
      if (apple === undefined || key === undefined) throw noKey(path, "signing.apple.installerKey");
      await replaced(path, (output) => signPackage(installer(request, output), apple, key));
      return signature(whoSignedApple(path));
    }
    case "pe":
    case "msi":
      if (windows === undefined) throw noKey(path, "signing.windows.key");
      await signProgram({ ...installer(request, path) }, windows);
      return signature(whoSignedWindows(path));
    case "msix":
      if (windows === undefined) throw noKey(path, "signing.windows.key");
      await replaced(path, (output) => signAppPackage(installer(request, output), windows));
      return signature(whoSignedMsix(path));
    case "zip":
      throw new ErthError({
        code: "SIGN_KIND",
        message: `${basename(path)} is a zip, which has no signature: what is in it is signed before it is packed.`,
        remedy: "erth release",
      });
    case "appimage":
      if (keyring.signing.openpgp !== undefined) {
        await replaced(path, (output) => signAppImageByKey(installer(request, output)));
      }
      break;
    case "rpm":
      if (keyring.signing.openpgp !== undefined) {
        await replaced(path, (output) => signRpmByKey(installer(request, output)));
      }
      break;
    case "deb":
    case "elf":
    case "file":
      break;
  }
  // What is for Linux has its signature beside it.
  return { kind, signature: undefined, detached: await signBeside(request) };
}

/** A program or library of its own: with the key, or ad hoc without one. */
async function signCode({ keyring, path, signal }: SignRequest): Promise<void> {
  const { apple } = keyring.signing;
  if (apple?.key.place.kind === "keychain") {
    throw new ErthError({
      code: "SIGN_KIND",
      message: `${basename(path)} is a single program, and a keychain identity signs whole apps here.`,
      remedy: "codesign signs it: codesign --force --timestamp --options runtime --sign IDENTITY FILE",
    });
  }
  const options = apple === undefined ? { signal } : await codeSigningOptions(keyring, apple, signal);
  const identifier = basename(path).replaceAll(/[^A-Za-z0-9_.+-]/g, "-");
  await signMachO({ ...options, input: path, output: path, identifier, entitlements: await defaultEntitlements(path) });
}

async function signBeside({ keyring, path, version }: SignRequest): Promise<Signed["detached"]> {
  const { openpgp, minisign } = keyring.signing;
  const roles = [...(openpgp ? (["openpgp"] as const) : []), ...(minisign ? (["minisign"] as const) : [])];
  if (roles.length === 0) throw noKey(path, "signing.linux.openpgp or signing.linux.minisign");
  const made: { readonly path: string; readonly role: DetachedSignature; readonly signedBy: string }[] = [];
  for (const role of roles) {
    const output = `${path}${SUFFIXES[role]}`;
    const comment = version === undefined ? {} : { version };
    const signedBy = await signDetached(role, { keyring, file: path, output, ...comment });
    made.push({ path: basename(output), role, signedBy });
  }
  return made;
}

function installer({ keyring, path, signal }: SignRequest, output: string) {
  return { keyring, input: path, output, fileName: basename(path), signal };
}

/** Lets `write` make a new file beside the old one, and puts it in its place. */
export async function replaced(path: string, write: (output: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Who signed, for people. */
export function nameOfSigner({ signature, detached }: Signed): string {
  if (signature === undefined) return detached.map(({ path, signedBy }) => `${path} by ${signedBy}`).join(", ");
  return signature.by === AD_HOC ? "ad hoc: no key is configured" : `by ${signature.by}`;
}

function noKey(path: string, field: string): ErthError {
  return new ErthError({
    code: "SIGN_NO_KEY",
    message: `There is no key to sign ${basename(path)} with: ${field} is not set.`,
    remedy: `set ${field} in erth.config.ts, then erth doctor signing`,
  });
}
