/** Notarization by Apple's own tools on a Mac, through `@electron/notarize`: uploads, waits and staples in one go. */
import type { NotarizeOptions, NotaryToolCredentials } from "@electron/notarize";
import { ErthError, messageOf } from "../../../runtime/base/errors.ts";
import type { NotaryCredentials } from "./credentials.ts";
import { plainText } from "./plain-text.ts";

/** The package's one function; a test puts its own in place. */
export type NativeNotarize = (options: NotarizeOptions) => Promise<void>;

export interface NativeRequest {
  readonly path: string;
  readonly credentials: NotaryCredentials;
  /** Another notarytool than Xcode's. */
  readonly notarytoolPath?: string | undefined;
  readonly platform?: NodeJS.Platform;
  readonly load?: () => Promise<NativeNotarize>;
}

/** Notarizes and staples `path` in place. Throws `NOTARY_NATIVE_HOST` off a Mac and `NOTARY_NATIVE` with notarytool's words, secrets taken out. */
export async function notarizeNatively(request: NativeRequest): Promise<void> {
  const { platform = process.platform, load = loadPackage, credentials } = request;
  if (platform !== "darwin") {
    throw new ErthError({
      code: "NOTARY_NATIVE_HOST",
      message: `Apple's notarytool runs only on a Mac, and this is ${platform}.`,
      remedy: "leave native out: with an API key erth notarize works from any host",
    });
  }
  const options = {
    appPath: request.path,
    ...(request.notarytoolPath === undefined ? {} : { notarytoolPath: request.notarytoolPath }),
    ...nativeOptions(credentials),
  };
  const notarize = await load();
  try {
    await notarize(options);
  } catch (error) {
    // No cause: notarytool's own message may repeat what it was given.
    throw new ErthError({
      code: "NOTARY_NATIVE",
      message: `notarytool failed: ${plainText(messageOf(error), secretsOf(credentials))}`,
      remedy: "read the words above; erth notarize without native explains a rejection file by file",
    });
  }
}

function nativeOptions(credentials: NotaryCredentials): NotaryToolCredentials {
  if (credentials.kind === "password") {
    const { appleId, appleIdPassword, teamId } = credentials;
    return { appleId, appleIdPassword: appleIdPassword.reveal(), teamId };
  }
  if (credentials.kind === "keychain") {
    const { keychainProfile, keychain } = credentials;
    return { keychainProfile, ...(keychain === undefined ? {} : { keychain }) };
  }
  if (credentials.keyPath === undefined) {
    throw new ErthError({
      code: "NOTARY_CREDENTIALS_NATIVE",
      message: "notarytool reads the API key from a file, and appleApiKey holds the key itself.",
      remedy: "set appleApiKey to the path of AuthKey_….p8, or leave native out",
    });
  }
  const { keyPath, keyId, issuer } = credentials;
  return { appleApiKey: keyPath, appleApiKeyId: keyId, ...(issuer === undefined ? {} : { appleApiIssuer: issuer }) };
}

function secretsOf(credentials: NotaryCredentials): readonly string[] {
  return credentials.kind === "password" ? [credentials.appleIdPassword.reveal()] : [];
}

// Imported only here: everywhere else the package is dead weight.
async function loadPackage(): Promise<NativeNotarize> {
  const { notarize } = await import("@electron/notarize");
  return notarize;
}
