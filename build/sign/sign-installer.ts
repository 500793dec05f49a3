/** The signatures of finished files: disk images, packages, Windows programs, AppImages. Each is a new file. */
import { copyFile } from "node:fs/promises";
import { signDmg } from "../../signing/apple/dmg.ts";
import { signingIdentity } from "../../signing/apple/signing-identity.ts";
import { signXar } from "../../signing/apple/xar-signature.ts";
import { signAppImage } from "../../signing/linux/appimage-signature.ts";
import { signRpm } from "../../signing/linux/rpm-signature.ts";
import { signMsix } from "../../signing/windows/sign-msix.ts";
import { codesign, findKeychainIdentity, productsign } from "../../signing/keys/keychain.ts";
import type { AppleSigning, CodeKeyReference, WindowsSigning } from "../config/resolved-signing.ts";
import { macHost } from "../keys/key-identity.ts";
import type { Keyring } from "../keys/keyring.ts";
import { signWindowsFile } from "./windows-code.ts";

export interface SignInstallerRequest {
  readonly keyring: Keyring;
  readonly input: string;
  /** Absolute, another file than `input`. */
  readonly output: string;
  /** What the file is called at its users'. */
  readonly fileName: string;
  readonly signal: AbortSignal;
}

/** Signs a disk image with the Developer ID Application key. Throws `DMG_…`, `KEY_…` and `TIMESTAMP_…`. */
export async function signDiskImage(request: SignInstallerRequest, apple: AppleSigning): Promise<void> {
  const { keyring, input, output, fileName, signal } = request;
  // As codesign does it: the name of the file without its ending.
  const identifier = fileName.replace(/\.dmg$/, "");
  const { world } = keyring;
  if (apple.key.place.kind === "keychain") {
    const host = macHost(world);
    const identity = await findKeychainIdentity(apple.key.place.identity, host);
    await copyFile(input, output);
    await codesign({ path: output, identity, identifier, hardenedRuntime: false }, host);
    return;
  }
  const { signer } = await keyring.codeKey(apple.key);
  const { teamId, requirementsFor } = await signingIdentity(signer, apple.teamId);
  const signing = { signer, file: fileName, signingTime: world.now() };
  const timestamp = timestampOf(apple.timestampUrl, world.fetch, signal);
  await signDmg({
    path: input,
    output,
    identifier,
    teamId,
    requirements: requirementsFor(identifier),
    signing: { ...signing, timestamp },
  });
}

/** Signs a package with the Developer ID Installer key. Throws `XAR_…`, `KEY_…` and `TIMESTAMP_…`. */
export async function signPackage(
  request: SignInstallerRequest,
  apple: AppleSigning,
  key: CodeKeyReference,
): Promise<void> {
  const { keyring, input, output, fileName, signal } = request;
  const { world } = keyring;
  if (key.place.kind === "keychain") {
    await productsign({ path: input, output, identity: key.place.identity }, macHost(world));
    return;
  }
  const { signer } = await keyring.codeKey(key);
  const timestamp = timestampOf(apple.timestampUrl, world.fetch, signal);
  await signXar({ path: input, output, signer, fileName, signingTime: world.now(), timestamp });
}

/** Signs a Windows installer or a portable program, `.exe` or `.msi`. */
export async function signProgram(request: SignInstallerRequest, windows: WindowsSigning): Promise<void> {
  await signWindowsFile({ ...request, windows });
}

/** Signs an AppImage with the OpenPGP key. Throws `APPIMAGE_…` and `KEY_…`. */
export async function signAppImageByKey({ keyring, input, output }: SignInstallerRequest): Promise<void> {
  const key = await keyring.openPgp();
  if (key === undefined) throw new Error("the plan names an OpenPGP key, and the config has none");
  await signAppImage({ input, output, key, at: keyring.world.now() });
}

/** Signs an RPM with the OpenPGP key. Throws `RPM_DAMAGED` and `KEY_…`. */
export async function signRpmByKey({ keyring, input, output, signal }: SignInstallerRequest): Promise<void> {
  const key = await keyring.openPgp();
  if (key === undefined) throw new Error("the plan names an OpenPGP key, and the config has none");
  await signRpm({ input, output, key, at: keyring.world.now(), signal });
}

/** Signs an app package of Windows. Throws `MSIX_…`, `KEY_…` and `TIMESTAMP_…`. */
export async function signAppPackage(request: SignInstallerRequest, windows: WindowsSigning): Promise<void> {
  const { keyring, input, output, signal } = request;
  const { signer } = await keyring.codeKey(windows.key);
  const { timestampUrl, description, url } = windows;
  const names = { description, ...(url === undefined ? {} : { url }) };
  await signMsix({ input, output, signer, timestampUrl, fetch: keyring.world.fetch, signal, ...names });
}

function timestampOf(url: string | null, fetcher: typeof fetch, signal: AbortSignal) {
  return url === null ? undefined : { url, fetch: fetcher, signal };
}
