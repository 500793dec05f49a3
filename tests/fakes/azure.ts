/**
 * Azure as far as signing goes, on one loopback host: Microsoft Entra ID's
 * token endpoint (client credentials), one Key Vault certificate with `sign`,
 * and one Artifact Signing profile whose operations take a few polls.
 */
import type { KeyObject } from "node:crypto";
import { p256, p384 } from "@noble/curves/nist.js";
import { explicit, integer, oid, sequence, set } from "../../signing/cms/der.ts";
import { oids } from "../../signing/cms/oids.ts";
import { signWithKey } from "../../signing/keys/private-key.ts";
import type { DigestAlgorithm } from "../../signing/signer.ts";
import { startKeyService, type KeyService, type ServiceAnswer, type ServiceRequest } from "./key-service.ts";

export interface AzureOptions {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly now: () => Date;
  readonly tokenSeconds?: number;
  readonly vault?: {
    readonly certificate: string;
    readonly version: string;
    readonly der: Uint8Array;
    readonly key: KeyObject;
  };
  readonly artifactSigning?: {
    readonly account: string;
    readonly profile: string;
    /** Leaf first; served as the service does: in a PKCS #7, shuffled, the leaf twice. */
    readonly chain: readonly Uint8Array[];
    readonly key: KeyObject;
    readonly polls: number;
  };
}

export interface FakeAzure extends KeyService {
  /** Tokens handed out so far. */
  readonly tokens: readonly string[];
  /** Makes every token so far worthless. */
  revoke(): void;
}

interface Token {
  readonly text: string;
  readonly audience: string;
  readonly untilMs: number;
}

export async function startAzure(options: AzureOptions): Promise<FakeAzure> {
  let valid: Token[] = [];
  const tokens: string[] = [];
  const operations = new Map<string, { left: number; readonly digest: Buffer; readonly algorithm: string }>();

  const login = ({ body, method }: ServiceRequest): ServiceAnswer => {
    const form = new URLSearchParams(body);
    const no = (error: string, description: string): ServiceAnswer => ({
      status: error === "invalid_client" ? 401 : 400,
      body: { error, error_description: description, error_codes: [0] },
    });
    if (method !== "POST" || form.get("grant_type") !== "client_credentials") return no("unsupported_grant_type", "");
    if (form.get("client_id") !== options.clientId) {
      return no("unauthorized_client", "AADSTS700016: Application not found in the directory.");
    }
    if (form.get("client_secret") !== options.clientSecret) {
      // The service does not repeat the secret; a careless proxy might.
      return no("invalid_client", `AADSTS7000215: Invalid client secret provided: ${form.get("client_secret")}.`);
    }
    const audience = (form.get("scope") ?? "").replace(/\/\.default$/, "");
    const seconds = options.tokenSeconds ?? 3599;
    const text = `eyJ0.token-${tokens.length + 1}.c2ln`;
    tokens.push(text);
    valid.push({ text, audience, untilMs: options.now().getTime() + seconds * 1000 });
    return { status: 200, body: { token_type: "Bearer", expires_in: seconds, access_token: text } };
  };

  const isAuthorized = ({ headers }: ServiceRequest, audience: string): boolean =>
    valid.some(
      (token) =>
        headers.authorization === `Bearer ${token.text}` &&
        token.audience === audience &&
        token.untilMs > options.now().getTime(),
    );

  const service = await startKeyService((request) => {
    const { path, query } = request;
    if (path === `/${options.tenantId}/oauth2/v2.0/token`) return login(request);
    if (path.endsWith("/oauth2/v2.0/token")) {
      return { status: 400, body: { error: "invalid_request", error_description: "AADSTS90002: Tenant not found." } };
    }
    if (path.startsWith("/codesigningaccounts/")) {
      if (!isAuthorized(request, "https://codesigning.azure.net")) return { status: 401, body: {} };
      if (query.get("api-version") !== "2022-06-15-preview") return { status: 400, body: { title: "Bad version" } };
      return artifactSigning(request, options, operations);
    }
    if (!isAuthorized(request, "https://vault.azure.net")) {
      return {
        status: 401,
        body: { error: { code: "Unauthorized", message: "AKV10000: Request is missing a Bearer token." } },
      };
    }
    if (query.get("api-version") !== "7.4")
      return { status: 400, body: { error: { code: "BadParameter", message: "" } } };
    return keyVault(request, options);
  });
  return { ...service, tokens, revoke: () => void (valid = []) };
}

function keyVault({ method, path, headers, body }: ServiceRequest, { vault }: AzureOptions): ServiceAnswer {
  const origin = `http://${headers.host}`;
  const missing = (what: string): ServiceAnswer => ({
    status: 404,
    body: { error: { code: "CertificateNotFound", message: `A certificate with (name/id) ${what} was not found.` } },
  });
  if (vault === undefined) return missing(path);
  const name = `${vault.certificate}/${vault.version}`;
  const kid = `${origin}/keys/${name}`;
  if (method === "GET" && [`/certificates/${vault.certificate}`, `/certificates/${name}`].includes(path)) {
    const id = `${origin}/certificates/${name}`;
    return {
      status: 200,
      body: { id, kid, sid: id, cer: Buffer.from(vault.der).toString("base64"), attributes: { enabled: true } },
    };
  }
  if (method !== "POST" || path !== `/keys/${name}/sign`) return missing(path);
  const { alg, value }: Record<string, string> = JSON.parse(body);
  const digest = Buffer.from(value ?? "", "base64url");
  const isRsa = vault.key.asymmetricKeyType === "rsa";
  const isP384 = vault.key.asymmetricKeyDetails?.namedCurve === "secp384r1";
  const bits = Number(alg?.slice(2));
  const fits = isRsa ? /^RS(256|384|512)$/.test(alg ?? "") : alg === (isP384 ? "ES384" : "ES256");
  if (!fits || digest.length * 8 !== bits) {
    return {
      status: 400,
      body: { error: { code: "BadParameter", message: `Key and signing algorithm are incompatible: ${alg}` } },
    };
  }
  const der = signDigest(vault.key, `sha${bits}` as DigestAlgorithm, digest);
  const curve = isP384 ? p384 : p256;
  const signature = isRsa ? der : curve.Signature.fromBytes(der, "der").toBytes("compact");
  return { status: 200, body: { kid, value: Buffer.from(signature).toString("base64url") } };
}

function artifactSigning(
  { method, path, body }: ServiceRequest,
  { artifactSigning: profile }: AzureOptions,
  operations: Map<string, { left: number; readonly digest: Buffer; readonly algorithm: string }>,
): ServiceAnswer {
  const root = `/codesigningaccounts/${profile?.account}/certificateprofiles/${profile?.profile}/sign`;
  const denied = { errorDetail: { code: "Forbidden", message: "The caller lacks the signer role.", target: null } };
  if (profile === undefined || !path.startsWith(root)) return { status: 403, body: denied };
  if (method === "POST" && path === root) {
    const { signatureAlgorithm = "", digest = "" }: Record<string, string> = JSON.parse(body);
    const bytes = Buffer.from(digest, "base64");
    if (!/^RS(256|384|512)$/.test(signatureAlgorithm) || bytes.length * 8 !== Number(signatureAlgorithm.slice(2))) {
      return {
        status: 400,
        body: { status: 400, title: "One or more validation errors occurred.", errors: { Digest: ["bad"] } },
      };
    }
    const operationId = `1f234bd9-16cf-4283-9ee6-${String(operations.size).padStart(12, "0")}`;
    operations.set(operationId, { left: profile.polls, digest: bytes, algorithm: signatureAlgorithm });
    return { status: 202, body: { operationId, status: "InProgress", signature: null, signingCertificate: null } };
  }
  const operationId = path.slice(root.length + 1);
  const operation = operations.get(operationId);
  if (method !== "GET" || operation === undefined) return { status: 404, body: { errorDetail: { code: "NotFound" } } };
  operation.left -= 1;
  if (operation.left > 0) return { status: 200, body: { operationId, status: "InProgress" } };
  const algorithm = `sha${operation.algorithm.slice(2)}` as DigestAlgorithm;
  return {
    status: 200,
    body: {
      operationId,
      status: "Succeeded",
      signature: Buffer.from(signDigest(profile.key, algorithm, operation.digest)).toString("base64"),
      signingCertificate: Buffer.from(servedChain(profile.chain), "latin1").toString("base64"),
    },
  };
}

/** A certificates-only PKCS #7 as base64 text in lines, the issuers first and the leaf twice. */
export function servedChain(chain: readonly Uint8Array[]): string {
  const shuffled = [...chain.slice(1), ...chain.slice(0, 1), ...chain.slice(0, 1)];
  const certificates = new Uint8Array(Buffer.concat([Buffer.of(), ...shuffled]));
  const signedData = sequence(integer(1), set(), sequence(oid(oids.data)), explicit(0, certificates), set());
  const der = sequence(oid(oids.signedData), explicit(0, signedData));
  return (
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,76}/g) ?? []
  ).join("\r\n");
}

function signDigest(key: KeyObject, digestAlgorithm: DigestAlgorithm, digest: Uint8Array): Uint8Array {
  return signWithKey(key, { digestAlgorithm, digest, hint: { file: "", kind: "test" } }, "azure").signature;
}
