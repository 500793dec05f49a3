/** Access tokens of Microsoft Entra ID for an application with a client secret (OAuth 2.0 client credentials, v2.0 endpoint). */
import { ErthError } from "../../runtime/base/errors.ts";
import type { Secret } from "../../runtime/base/secret.ts";
import { type AccessTokens, tokensFrom } from "./oauth-token.ts";
import { serviceUrl } from "./rest-answer.ts";
import type { RestFault, RestJudgement, RestWorld } from "./rest.ts";

export interface AzureApplication {
  /** Tenant id or domain. */
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** For sovereign clouds; `https://login.microsoftonline.com` where unset. */
  readonly authority?: string;
}

const NAME = "Microsoft Entra ID";

/** Tokens for a scope such as `https://vault.azure.net/.default`. */
export function azureTokens(application: AzureApplication, scope: string, world: RestWorld): AccessTokens {
  const { tenantId, clientId, clientSecret, authority = "https://login.microsoftonline.com" } = application;
  if (!/^[A-Za-z0-9.-]+$/.test(tenantId)) {
    throw new ErthError({
      code: "KEY_CONFIG",
      message: `the Azure tenant "${tenantId}" is neither an id nor a domain.`,
      remedy: "set AZURE_TENANT_ID to the Directory (tenant) ID that the Azure portal shows",
    });
  }
  const url = new URL(`/${tenantId}/oauth2/v2.0/token`, serviceUrl(NAME, authority));
  return tokensFrom(
    {
      name: NAME,
      url,
      form: () => ({
        fields: {
          grant_type: "client_credentials",
          client_id: clientId,
          client_secret: clientSecret.reveal(),
          scope,
        },
        secrets: [clientSecret],
      }),
      judge,
    },
    world,
  );
}

// The service names its reasons by number, in the text.
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/AADSTS7000215/, "set AZURE_CLIENT_SECRET to the secret's value, not its id"],
  [/AADSTS7000222/, "the client secret has expired: make a new one and set AZURE_CLIENT_SECRET"],
  [/AADSTS(90002|900023)/, "set AZURE_TENANT_ID to the Directory (tenant) ID that the Azure portal shows"],
  [/AADSTS(700016|7000216|900144)/, "set AZURE_CLIENT_ID to the Application (client) ID in this tenant"],
];

function judge({ message }: RestFault): RestJudgement {
  const remedy =
    REMEDIES.find(([pattern]) => pattern.test(message))?.[1] ??
    "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, then: erth doctor signing";
  return { code: "KEY_CREDENTIALS", remedy };
}
