/** Signs a `.app` as the config says: with its key, or ad hoc without one, on a Mac with a keychain's identity by Apple's tools. */
import { type CodeSigningOptions } from "../../signing/apple/sign-mach-o.ts";
import { signApp } from "../../signing/apple/sign-app.ts";
import { signAppNatively } from "../../signing/apple/sign-app-native.ts";
import { findKeychainIdentity } from "../../signing/keys/keychain.ts";
import type { AppleSigning } from "../config/resolved-signing.ts";
import { macHost } from "../keys/key-identity.ts";
import type { Keyring } from "../keys/keyring.ts";
import { macEntitlements } from "./mac-entitlements.ts";

export interface SignMacAppRequest {
  readonly keyring: Keyring;
  readonly app: string;
  /** A new folder; absent: the app itself is replaced when all of it is signed. */
  readonly output?: string | undefined;
  /** False for what is kept in a cache, which knows its digest. */
  readonly isDurable?: boolean;
  readonly signal: AbortSignal;
}

/** Signs, and returns how many files of code. Throws what `signApp` throws, and `SIGN_ENTITLEMENTS`. */
export async function signMacApp(request: SignMacAppRequest): Promise<number> {
  const { keyring, app, output, isDurable, signal } = request;
  const { apple } = keyring.signing;
  if (apple === undefined) return (await signApp({ app, output, isDurable, signal })).length;
  const entitlements = await macEntitlements(app, apple.entitlements);
  const common = { app, output, entitlements: (path: string) => entitlements.of(path) };
  const { place } = apple.key;
  let count: number;
  if (place.kind === "keychain") {
    const host = macHost(keyring.world);
    const identity = await findKeychainIdentity(place.identity, host);
    count = await signAppNatively({ ...common, identity, hardenedRuntime: apple.isHardened, host, signal });
  } else {
    count = (await signApp({ ...common, isDurable, ...(await codeSigningOptions(keyring, apple, signal)) })).length;
  }
  entitlements.requireAllUsed();
  return count;
}

/** The settings of every code signature for macOS by a key of ours. */
export async function codeSigningOptions(
  keyring: Keyring,
  apple: AppleSigning,
  signal: AbortSignal,
): Promise<CodeSigningOptions> {
  const { signer } = await keyring.codeKey(apple.key);
  const { fetch, now } = keyring.world;
  return {
    signer,
    teamId: apple.teamId,
    hardenedRuntime: apple.isHardened,
    timestampUrl: apple.timestampUrl ?? "none",
    fetch,
    signingTime: now(),
    signal,
  };
}
