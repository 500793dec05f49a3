/**
 * Who asks a key service, from the variables that the services' own tools and
 * login steps set: AWS CLI, gcloud, azure/login. No login stands in a config.
 */
import { readFile } from "node:fs/promises";
import { ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";
import { Secret } from "../../runtime/base/secret.ts";
import { azureTokens } from "../../signing/keys/azure-login.ts";
import { googleTokens, parseServiceAccount } from "../../signing/keys/google-login.ts";
import { GOOGLE_KMS_SCOPE } from "../../signing/keys/google-kms.ts";
import { type AccessTokens, givenToken } from "../../signing/keys/oauth-token.ts";
import { type KeyWorld, restWorldOf } from "./key-world.ts";

/** The region of an AWS key. Throws `KEY_CONFIG`. */
export function awsRegion(configured: string | undefined, { env }: KeyWorld): string {
  const region = configured ?? (env["AWS_REGION"] || env["AWS_DEFAULT_REGION"]);
  if (region) return region;
  throw new ErthError({
    code: "KEY_CONFIG",
    message: "the key in AWS KMS has no region: neither awsKms.region nor AWS_REGION is set.",
    remedy: "set awsKms.region to the key's region, for example eu-west-1",
  });
}

/** `GOOGLE_OAUTH_ACCESS_TOKEN`, or the service account that `GOOGLE_APPLICATION_CREDENTIALS` names. Throws `KEY_CREDENTIALS`. */
export async function googleLogin(world: KeyWorld): Promise<AccessTokens> {
  const { GOOGLE_OAUTH_ACCESS_TOKEN: token, GOOGLE_APPLICATION_CREDENTIALS: path } = world.env;
  if (token) return givenToken(new Secret(token.trim()));
  if (!path) {
    throw new ErthError({
      code: "KEY_CREDENTIALS",
      message: "there are no Google credentials: GOOGLE_APPLICATION_CREDENTIALS is not set.",
      remedy:
        "set GOOGLE_APPLICATION_CREDENTIALS to a service account's JSON key file, or GOOGLE_OAUTH_ACCESS_TOKEN to an access token",
    });
  }
  // The JSON itself is what some CI systems put there.
  const json = path.trim().startsWith("{") ? path : await readCredentials(path.trim());
  return googleTokens(parseServiceAccount(new Secret(json)), GOOGLE_KMS_SCOPE, restWorldOf(world));
}

async function readCredentials(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new ErthError({
      code: "KEY_CREDENTIALS",
      message: `GOOGLE_APPLICATION_CREDENTIALS names ${path}, which cannot be read: ${systemCode(cause) ?? messageOf(cause)}.`,
      remedy: "set it to the path of a service account's JSON key file",
      cause,
    });
  }
}

/** `AZURE_ACCESS_TOKEN`, or an application's tenant, id and secret. All that is missing is named: `KEY_CREDENTIALS`. */
export function azureLogin(scope: string, world: KeyWorld): AccessTokens {
  const { env } = world;
  const token = env["AZURE_ACCESS_TOKEN"];
  if (token) return givenToken(new Secret(token.trim()));
  const { AZURE_TENANT_ID: tenantId, AZURE_CLIENT_ID: clientId, AZURE_CLIENT_SECRET: secret } = env;
  if (tenantId && clientId && secret) {
    const authority = env["AZURE_AUTHORITY_HOST"];
    const application = {
      tenantId: tenantId.trim(),
      clientId: clientId.trim(),
      clientSecret: new Secret(secret.trim()),
    };
    return azureTokens({ ...application, ...(authority ? { authority } : {}) }, scope, restWorldOf(world));
  }
  const missing = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"].filter((name) => !env[name]);
  throw new ErthError({
    code: "KEY_CREDENTIALS",
    message: `there are no Azure credentials: ${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not set.`,
    remedy: `set them to an application that may sign, or AZURE_ACCESS_TOKEN to a token for ${scope.replace(/\/\.default$/, "")}`,
  });
}
