/**
 * A key version in Google Cloud KMS: `cryptoKeyVersions.asymmetricSign` of the
 * v1 REST reference, with the checksums of its data-integrity guidelines. KMS
 * has no certificates, so the chain is configured.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import type { DigestSigner } from "../signer.ts";
import { crc32c } from "./crc32c.ts";
import { algorithmOfLeaf, checkDigestFits, leafOf, schemeOf } from "./key-algorithm.ts";
import type { AccessTokens } from "./oauth-token.ts";
import { bytesOf, objectOf, serviceUrl, textOf, wrongAnswer, type JsonObject } from "./rest-answer.ts";
import { askService, type RestFault, type RestJudgement, type RestWorld } from "./rest.ts";

export interface GoogleKmsKey {
  /** `projects/…/locations/…/keyRings/…/cryptoKeys/…/cryptoKeyVersions/…`. */
  readonly keyVersion: string;
  readonly tokens: AccessTokens;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
  /** `https://cloudkms.googleapis.com` where unset. */
  readonly endpoint?: string;
}

/** The OAuth scope to ask tokens for. */
export const GOOGLE_KMS_SCOPE = "https://www.googleapis.com/auth/cloudkms";

const NAME = "Google Cloud KMS";
const KEY_VERSION =
  /^projects\/[^/\s?#%]+\/locations\/[^/\s?#%]+\/keyRings\/[^/\s?#%]+\/cryptoKeys\/[^/\s?#%]+\/cryptoKeyVersions\/\d+$/;
/** How often a damaged answer is asked for again, as Google advises. */
const INTEGRITY_ATTEMPTS = 3;

/** The signer of a key version; nothing is asked of the service yet. Throws `KEY_CONFIG`, `KEY_KIND` or `KEY_NO_CERTIFICATE`. */
export function googleKmsSigner(key: GoogleKmsKey, world: RestWorld): DigestSigner {
  if (!KEY_VERSION.test(key.keyVersion)) {
    throw new ErthError({
      code: "KEY_CONFIG",
      message: `"${key.keyVersion}" is not the name of a key version in Google Cloud KMS.`,
      remedy: "set it to projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/1",
    });
  }
  const name = `Google Cloud KMS key ${key.keyVersion.split("/").slice(-3).join("/")}`;
  const url = new URL(
    `/v1/${key.keyVersion}:asymmetricSign`,
    serviceUrl(NAME, key.endpoint ?? "https://cloudkms.googleapis.com"),
  );
  const algorithm = algorithmOfLeaf(leafOf(key.certificates, name), name);

  const ask = async (body: string): Promise<JsonObject> => {
    const answer = await askService(
      {
        name: NAME,
        request: async () => {
          const token = await key.tokens.get();
          const headers = { "content-type": "application/json", authorization: `Bearer ${token.reveal()}` };
          return { method: "POST", url, headers, body, secrets: [token] };
        },
        readFault: (fault) => {
          const error = objectOf(fault, "error");
          return { code: textOf(error, "status"), message: textOf(error, "message") };
        },
        judge,
        renew: () => key.tokens.drop(),
      },
      world,
    );
    return answer.body;
  };

  return {
    name,
    certificates: async () => key.certificates,
    signDigest: async (request) => {
      const bits = checkDigestFits(algorithm, request, name);
      const body = JSON.stringify({
        digest: { [`sha${bits}`]: Buffer.from(request.digest).toString("base64") },
        // An int64, which JSON carries as text.
        digestCrc32c: String(crc32c(request.digest)),
      });
      for (let attempt = 1; ; attempt += 1) {
        const answer = await ask(body);
        if (textOf(answer, "name") !== key.keyVersion) throw wrongAnswer(NAME, "it is of another key version");
        const signature = bytesOf(NAME, answer, "signature");
        const isWhole =
          answer["verifiedDigestCrc32c"] === true && answer["signatureCrc32c"] === String(crc32c(signature));
        if (isWhole) return { signature, scheme: schemeOf(algorithm) };
        if (attempt >= INTEGRITY_ATTEMPTS) {
          throw wrongAnswer(NAME, `the digest or the signature was damaged on its way, ${attempt} times`);
        }
      }
    },
  };
}

function judge({ status, code, message }: RestFault): RestJudgement {
  if (status === 401) return "renew";
  if (status === 403) {
    const isDisabled = /has not been used in project|is disabled/.test(message);
    return {
      code: "KEY_PERMISSION",
      remedy: isDisabled
        ? "enable the API: gcloud services enable cloudkms.googleapis.com"
        : "give the account the role roles/cloudkms.signer on the key, then: erth doctor signing",
    };
  }
  if (status === 404) return { code: "KEY_NOT_FOUND", remedy: "check the key version: gcloud kms keys versions list" };
  if (code === "FAILED_PRECONDITION") {
    return { code: "KEY_DISABLED", remedy: "enable the key version: gcloud kms keys versions enable" };
  }
  return {
    code: "KEY_REFUSED",
    remedy: "use a key of purpose ASYMMETRIC_SIGN and algorithm RSA_SIGN_PKCS1_3072_SHA256 or EC_SIGN_P256_SHA256",
  };
}
