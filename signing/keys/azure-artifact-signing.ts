/**
 * A certificate profile of Azure Artifact Signing (Trusted Signing before):
 * the `sign` operation of its data-plane REST interface, version
 * 2022-06-15-preview. Leaves live for 72 hours and come with each signature,
 * so a timestamp is what keeps a signature valid.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import type { DigestSigner } from "../signer.ts";
import { readAzureFault, type AzureRemedies } from "./azure-fault.ts";
import { azureRequests } from "./azure-request.ts";
import { digestBits } from "./key-algorithm.ts";
import type { AccessTokens } from "./oauth-token.ts";
import { bytesOf, objectOf, serviceUrl, textOf, wrongAnswer, type JsonObject } from "./rest-answer.ts";
import type { RestWorld } from "./rest.ts";
import { parseServedChain } from "./served-chain.ts";

export interface AzureArtifactSigningKey {
  /** The account's region: `https://weu.codesigning.azure.net`. */
  readonly endpoint: string;
  readonly account: string;
  readonly profile: string;
  readonly tokens: AccessTokens;
}

/** The OAuth scope to ask tokens for. */
export const AZURE_ARTIFACT_SIGNING_SCOPE = "https://codesigning.azure.net/.default";

const NAME = "Azure Artifact Signing";
const API = "api-version=2022-06-15-preview";
const FIRST_POLL_MS = 250;
const LONGEST_POLL_MS = 2000;
const OPERATION_LIMIT_MS = 180_000;

/** The signer of a certificate profile; nothing is asked of the service yet. Throws `KEY_CONFIG`. */
export function azureArtifactSigner(key: AzureArtifactSigningKey, world: RestWorld): DigestSigner {
  const endpoint = serviceUrl(NAME, key.endpoint);
  const name = `Azure Artifact Signing profile ${key.account}/${key.profile}`;
  if (![key.account, key.profile].every((part) => /^[A-Za-z0-9-]+$/.test(part))) {
    throw new ErthError({
      code: "KEY_CONFIG",
      message: `"${key.account}/${key.profile}" does not name an account and a certificate profile.`,
      remedy: "set account and profile to their names in the Azure portal (letters, digits and dashes)",
    });
  }
  const signPath = `/codesigningaccounts/${key.account}/certificateprofiles/${key.profile}/sign`;

  const remedies: AzureRemedies = {
    permission: `give the application the role "Artifact Signing Certificate Profile Signer" on ${key.account}; the endpoint must be of the account's region`,
    notFound: `check endpoint, account and profile: az trustedsigning certificate-profile list --account-name ${key.account}`,
    other: "check the certificate profile in the Azure portal, then: erth doctor signing",
  };
  const ask = azureRequests({ name: NAME, tokens: key.tokens, remedies }, world);

  const finish = async (started: JsonObject): Promise<JsonObject> => {
    const operation = textOf(started, "operationId") ?? textOf(started, "id") ?? "";
    if (!/^[A-Za-z0-9-]{1,100}$/.test(operation)) throw wrongAnswer(NAME, "it has no operationId");
    let body = started;
    let waitedMs = 0;
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)) {
      const status = textOf(body, "status") ?? "";
      if (/^succeeded$/i.test(status)) return body;
      if (!/^(in ?progress|running|not ?started)$/i.test(status)) throw failed(name, operation, status, body);
      if (waitedMs >= OPERATION_LIMIT_MS) throw stuck(name, operation, waitedMs);
      await world.sleep(pollMs, world.signal);
      world.signal?.throwIfAborted();
      waitedMs += pollMs;
      body = await ask("GET", new URL(`${signPath}/${operation}?${API}`, endpoint));
    }
  };

  return {
    name,
    certificates: async () => undefined,
    signDigest: async (request) => {
      const started = await ask("POST", new URL(`${signPath}?${API}`, endpoint), {
        signatureAlgorithm: `RS${digestBits(request)}`,
        digest: Buffer.from(request.digest).toString("base64"),
      });
      const done = await finish(started);
      // Later versions of the interface nest the two under `result`.
      const result = { ...done, ...objectOf(done, "result") };
      const chain = parseServedChain(bytesOf(NAME, result, "signingCertificate"));
      return { signature: bytesOf(NAME, result, "signature"), scheme: "rsa-pkcs1", chain };
    },
  };
}

function failed(name: string, operation: string, status: string, body: JsonObject): ErthError {
  const { message } = readAzureFault(body);
  const why = message === undefined ? "" : ` (${message.slice(0, 300)})`;
  return new ErthError({
    code: "KEY_REFUSED",
    message: `${name} ended the signing operation ${operation} with "${status.slice(0, 40)}"${why}.`,
    remedy:
      "check that identity validation and certificate profile are active in the Azure portal, then repeat the command",
    facts: { operation, status },
  });
}

function stuck(name: string, operation: string, waitedMs: number): ErthError {
  return new ErthError({
    code: "KEY_SERVICE_BUSY",
    message: `${name} did not finish the signing operation ${operation} within ${waitedMs / 1000} s.`,
    remedy: "repeat the command; if it stays so, see https://azure.status.microsoft",
    facts: { operation },
  });
}
