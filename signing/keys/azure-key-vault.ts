/**
 * A certificate with its key in Azure Key Vault or Managed HSM: "Get
 * Certificate" and "Sign" of the Key Vault REST reference, API version 7.4.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import type { DigestSigner } from "../signer.ts";
import type { AzureRemedies } from "./azure-fault.ts";
import { azureRequests } from "./azure-request.ts";
import { ecdsaDer } from "./ecdsa.ts";
import { algorithmOfLeaf, checkDigestFits, schemeOf } from "./key-algorithm.ts";
import type { AccessTokens } from "./oauth-token.ts";
import { bytesOf, serviceUrl, textOf, wrongAnswer } from "./rest-answer.ts";
import type { RestWorld } from "./rest.ts";
import { chainFrom } from "./served-chain.ts";

export interface AzureKeyVaultKey {
  /** `https://<vault>.vault.azure.net`. */
  readonly vaultUrl: string;
  readonly certificate: string;
  /** The newest where unset. */
  readonly certificateVersion?: string;
  readonly tokens: AccessTokens;
  /** DER of the issuers, which Key Vault does not keep. */
  readonly intermediates: readonly Uint8Array[];
}

/** The OAuth scope to ask tokens for. */
export const AZURE_KEY_VAULT_SCOPE = "https://vault.azure.net/.default";

const NAME = "Azure Key Vault";
const API = "api-version=7.4";

/** The signer of a certificate in a vault; the certificate is fetched once, at the first need. Throws `KEY_CONFIG`. */
export function azureKeyVaultSigner(key: AzureKeyVaultKey, world: RestWorld): DigestSigner {
  const vault = serviceUrl(NAME, key.vaultUrl);
  const name = `Azure Key Vault certificate ${key.certificate} (${vault.host})`;
  const path = [key.certificate, ...(key.certificateVersion === undefined ? [] : [key.certificateVersion])];
  if (!path.every((part) => /^[A-Za-z0-9-]+$/.test(part))) {
    throw new ErthError({
      code: "KEY_CONFIG",
      message: `"${path.join("/")}" is not the name of a certificate in Azure Key Vault.`,
      remedy: "set the certificate's name (letters, digits and dashes) and, apart from it, its version",
    });
  }

  const remedies: AzureRemedies = {
    permission: "give the application the roles Key Vault Crypto User and Key Vault Certificate User on the vault",
    notFound: `check the name: az keyvault certificate list --vault-name ${vault.hostname.split(".")[0]}`,
    other: "use a certificate whose key allows sign, RSA or P-256: erth doctor signing",
  };
  const ask = azureRequests({ name: NAME, tokens: key.tokens, remedies }, world);

  const load = async (): Promise<{ readonly chain: readonly Uint8Array[]; readonly keyUrl: URL }> => {
    const body = await ask("GET", new URL(`/certificates/${path.join("/")}?${API}`, vault));
    const leaf = bytesOf(NAME, body, "cer");
    const keyUrl = URL.parse(textOf(body, "kid") ?? "");
    // The token belongs to this vault: an answer may not send it elsewhere.
    if (keyUrl === null || keyUrl.origin !== vault.origin) throw wrongAnswer(NAME, "its kid is no key of this vault");
    return { chain: chainFrom(leaf, key.intermediates), keyUrl };
  };
  let loading: ReturnType<typeof load> | undefined;
  // A failure is not kept: the next call asks again.
  const loaded = (): ReturnType<typeof load> =>
    (loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    }));

  return {
    name,
    certificates: async () => (await loaded()).chain,
    signDigest: async (request) => {
      const { chain, keyUrl } = await loaded();
      const algorithm = algorithmOfLeaf(chain[0] ?? new Uint8Array(), name);
      const bits = checkDigestFits(algorithm, request, name);
      const body = await ask("POST", new URL(`${keyUrl.pathname}/sign?${API}`, vault), {
        alg: `${algorithm.type === "rsa" ? "RS" : "ES"}${bits}`,
        value: Buffer.from(request.digest).toString("base64url"),
      });
      if (textOf(body, "kid") !== keyUrl.href) throw wrongAnswer(NAME, "it is of another key");
      const value = bytesOf(NAME, body, "value");
      // JOSE form (RFC 7518 §3.4).
      const signature = algorithm.type === "ec" ? ecdsaDer(value, algorithm.bits, name) : value;
      return { signature, scheme: schemeOf(algorithm) };
    },
  };
}
