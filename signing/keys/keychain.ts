/**
 * An identity in a macOS keychain. Its key never answers to a digest from
 * outside, so this is not a `DigestSigner`: the whole file is signed by
 * Apple's own `codesign`, on a Mac. Follows codesign(1), productsign(1)
 * and security(1).
 */
import { ErthError } from "../../runtime/base/errors.ts";

/** Runs a program without a shell; a failure is an `ErthError` with its output. */
export type RunProgram = (
  file: string,
  args: readonly string[],
) => Promise<{ readonly stdout: string; readonly stderr: string }>;

export interface MacHost {
  readonly platform: NodeJS.Platform;
  readonly run: RunProgram;
}

export interface KeychainIdentity {
  /** SHA-1 of the certificate, upper-case hex: how `codesign` is told without ambiguity. */
  readonly sha1: string;
  /** `Developer ID Application: Example GmbH (TEAMID1234)`. */
  readonly name: string;
}

export interface CodesignRequest {
  /** Mach-O file, bundle or disk image; nested code is signed before. */
  readonly path: string;
  readonly identity: KeychainIdentity;
  readonly identifier?: string;
  readonly entitlementsPath?: string;
  readonly hardenedRuntime: boolean;
  readonly keychain?: string;
}

/** Identities that can sign code, from the output of `security find-identity -v`. */
export function parseIdentities(output: string): readonly KeychainIdentity[] {
  return [...output.matchAll(/^\s*\d+\) ([0-9A-F]{40}) "(.*)"\s*$/gm)].map(([, sha1 = "", name = ""]) => ({
    sha1,
    name,
  }));
}

/** The one valid identity of this policy (`basic` for installers, which sign no code) whose name or SHA-1 is, or whose name contains, `wanted`. Throws `KEY_KEYCHAIN_ELSEWHERE`, `KEY_NOT_FOUND` or `KEY_AMBIGUOUS`. */
export async function findKeychainIdentity(
  wanted: string,
  host: MacHost,
  keychain?: string,
  policy: "codesigning" | "basic" = "codesigning",
): Promise<KeychainIdentity> {
  onlyOnMac(host);
  const place = keychain === undefined ? [] : [keychain];
  const { stdout } = await host.run("security", ["find-identity", "-v", "-p", policy, ...place]);
  const all = parseIdentities(stdout);
  const exact = all.filter(({ name, sha1 }) => name === wanted || sha1 === wanted.toUpperCase());
  const found = exact.length > 0 ? exact : all.filter(({ name }) => name.includes(wanted));
  const [identity] = found;
  if (identity !== undefined && found.length === 1) return identity;
  const list = (found.length === 0 ? all : found).map(({ name, sha1 }) => `${name} ${sha1}`).join("; ") || "none";
  throw new ErthError({
    code: found.length === 0 ? "KEY_NOT_FOUND" : "KEY_AMBIGUOUS",
    message:
      found.length === 0
        ? `no valid identity named "${wanted}" is in the keychain (there: ${list}).`
        : `${found.length} identities match "${wanted}": ${list}.`,
    remedy:
      found.length === 0
        ? `unlock the keychain, or see: security find-identity -v -p ${policy}`
        : "give the SHA-1 of the one to use",
  });
}

/** Signs one file in place with a secure timestamp. Throws `KEY_KEYCHAIN_ELSEWHERE`, or what `codesign` said. */
export async function codesign(request: CodesignRequest, host: MacHost): Promise<void> {
  onlyOnMac(host);
  const { path, identity, identifier, entitlementsPath, hardenedRuntime, keychain } = request;
  await host.run("codesign", [
    "--force",
    "--timestamp",
    ...(hardenedRuntime ? ["--options", "runtime"] : []),
    ...(identifier === undefined ? [] : ["--identifier", identifier]),
    ...(entitlementsPath === undefined ? [] : ["--entitlements", entitlementsPath]),
    ...(keychain === undefined ? [] : ["--keychain", keychain]),
    "--sign",
    identity.sha1,
    path,
  ]);
}

export interface ProductsignRequest {
  /** An unsigned package. */
  readonly path: string;
  readonly output: string;
  /** Name of a Developer ID Installer identity, or a part of it: such identities sign no code, and `security` lists them apart. */
  readonly identity: string;
}

/** Signs a package with a secure timestamp. Throws `KEY_KEYCHAIN_ELSEWHERE`, or what `productsign` said. */
export async function productsign({ path, output, identity }: ProductsignRequest, host: MacHost): Promise<void> {
  onlyOnMac(host);
  await host.run("productsign", ["--timestamp", "--sign", identity, path, output]);
}

function onlyOnMac({ platform }: MacHost): void {
  if (platform === "darwin") return;
  throw new ErthError({
    code: "KEY_KEYCHAIN_ELSEWHERE",
    message: `a keychain identity signs on a Mac only; this is ${platform}.`,
    remedy: "export the identity from Keychain Access as a .p12 file and set it as the key: that signs on any host",
  });
}
