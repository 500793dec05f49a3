/**
 * Google Cloud as far as signing goes, on one loopback host: the OAuth token
 * endpoint for service accounts (the JWT is checked), and one key version of
 * Cloud KMS with its checksums.
 */
import { generateKeyPairSync, verify, type KeyObject } from "node:crypto";
import { crc32c } from "../../signing/keys/crc32c.ts";
import { signWithKey } from "../../signing/keys/private-key.ts";
import type { DigestAlgorithm } from "../../signing/signer.ts";
import { startKeyService, type KeyService, type ServiceAnswer, type ServiceRequest } from "./key-service.ts";

export interface GoogleOptions {
  readonly keyVersion: string;
  readonly key: KeyObject;
  /** What the version is for, `RSA_SIGN_PKCS1_3072_SHA256`. */
  readonly digestAlgorithm: DigestAlgorithm;
  readonly now: () => Date;
}

export interface FakeGoogle extends KeyService {
  /** The JSON key file of the service account that may sign. */
  readonly serviceAccount: string;
  readonly tokens: readonly string[];
  /** Makes every token so far worthless. */
  revoke(): void;
}

const EMAIL = "signer@notes.iam.gserviceaccount.com";
const KEY_ID = "0123456789abcdef";
const account = generateKeyPairSync("rsa", { modulusLength: 2048 });

export async function startGoogle(options: GoogleOptions): Promise<FakeGoogle> {
  const tokens: string[] = [];
  let valid: string[] = [];

  const login = ({ body, headers }: ServiceRequest): ServiceAnswer => {
    const form = new URLSearchParams(body);
    const no = (description: string): ServiceAnswer => ({
      status: 400,
      body: { error: "invalid_grant", error_description: description },
    });
    if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") return no("Unsupported grant");
    const [header = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
    const decode = (part: string): Record<string, unknown> =>
      JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    const { alg, kid } = decode(header);
    const { iss, scope, aud, iat, exp } = decode(claims);
    const key = account.publicKey;
    const isSigned = verify("sha256", Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, "base64url"));
    if (alg !== "RS256" || kid !== KEY_ID || iss !== EMAIL || !isSigned) return no("Invalid JWT Signature.");
    const nowSeconds = options.now().getTime() / 1000;
    const inTime = Number(iat) <= nowSeconds + 60 && Number(exp) > nowSeconds && Number(exp) - Number(iat) <= 3600;
    if (!inTime) return no("Invalid JWT: Token must be a short-lived token. Check your iat and exp values.");
    if (aud !== `http://${headers.host}/token` || scope !== "https://www.googleapis.com/auth/cloudkms") {
      return no("Invalid JWT: bad audience or scope");
    }
    const token = `ya29.${tokens.length + 1}-token`;
    tokens.push(token);
    valid.push(token);
    return { status: 200, body: { access_token: token, expires_in: 3599, token_type: "Bearer" } };
  };

  const service = await startKeyService((request) => {
    if (request.path === "/token") return login(request);
    if (!valid.some((token) => request.headers.authorization === `Bearer ${token}`)) {
      return error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.");
    }
    return kms(request, options);
  });
  const privateKey = account.privateKey.export({ format: "pem", type: "pkcs8" });
  return {
    ...service,
    serviceAccount: JSON.stringify({
      type: "service_account",
      project_id: "notes",
      private_key_id: KEY_ID,
      private_key: privateKey,
      client_email: EMAIL,
      token_uri: `${service.url}/token`,
    }),
    tokens,
    revoke: () => void (valid = []),
  };
}

const error = (code: number, status: string, message: string): ServiceAnswer => ({
  status: code,
  body: { error: { code, status, message } },
});

function kms({ method, path, body }: ServiceRequest, options: GoogleOptions): ServiceAnswer {
  if (method !== "POST" || path !== `/v1/${options.keyVersion}:asymmetricSign`) {
    return error(404, "NOT_FOUND", `${path} not found.`);
  }
  const { digest = {}, digestCrc32c }: { digest?: Record<string, string>; digestCrc32c?: string } = JSON.parse(body);
  const bytes = Buffer.from(digest[options.digestAlgorithm] ?? "", "base64");
  if (Object.keys(digest).join() !== options.digestAlgorithm) {
    return error(400, "INVALID_ARGUMENT", `Digest type ${Object.keys(digest).join()} does not match the key.`);
  }
  if (digestCrc32c !== undefined && digestCrc32c !== String(crc32c(bytes))) {
    return error(
      400,
      "INVALID_ARGUMENT",
      "The checksum in field digest_crc32c did not match the data in field digest.",
    );
  }
  const request = {
    digestAlgorithm: options.digestAlgorithm,
    digest: bytes,
    hint: { file: "", kind: "test" as const },
  };
  const { signature } = signWithKey(options.key, request, "google");
  return {
    status: 200,
    body: {
      name: options.keyVersion,
      signature: Buffer.from(signature).toString("base64"),
      signatureCrc32c: String(crc32c(signature)),
      verifiedDigestCrc32c: digestCrc32c !== undefined,
      protectionLevel: "HSM",
    },
  };
}
