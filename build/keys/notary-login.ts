/** Who asks Apple to notarize: from the config's references to the notary client's credentials. */
import { Secret } from "../../runtime/base/secret.ts";
import { type NotaryCredentials, resolveNotaryCredentials } from "../../signing/apple/notary/credentials.ts";
import { readKeySource } from "../../signing/keys/key-source.ts";
import type { NotarizeSettings } from "../config/resolved-signing.ts";
import type { KeyWorld } from "./key-world.ts";
import { passwordOf } from "./open-code-key.ts";

const FIELD = "signing.apple.notarize";

/**
 * Opens the credentials. Throws a `ProblemsError` with every fault at once.
 * `teamId` completes an Apple ID.
 */
export async function openNotaryLogin(
  settings: NotarizeSettings,
  teamId: string | undefined,
  world: KeyWorld,
): Promise<NotaryCredentials> {
  const { appleIdPasswordVariable } = settings;
  const appleIdPassword = passwordOf({ field: FIELD, passwordVariable: appleIdPasswordVariable }, world);
  return resolveNotaryCredentials({
    appleApiKey: await apiKeyOf(settings, world),
    appleApiKeyId: settings.appleApiKeyId,
    appleApiIssuer: settings.appleApiIssuer,
    appleId: settings.appleId,
    appleIdPassword,
    ...(settings.appleId === undefined ? {} : { teamId }),
    keychainProfile: settings.keychainProfile,
    keychain: settings.keychain,
  });
}

/** A file by its path, so that its name can be compared with the key's id; a variable's text as a secret. */
async function apiKeyOf({ appleApiKey }: NotarizeSettings, world: KeyWorld): Promise<string | Secret | undefined> {
  if (appleApiKey === undefined) return undefined;
  if ("path" in appleApiKey) return appleApiKey.path;
  const { bytes } = await readKeySource(appleApiKey, world.env);
  return new Secret(Buffer.from(bytes).toString("utf8"));
}
