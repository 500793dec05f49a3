/**
 * AWS KMS as far as `TrentService.Sign` goes, for one key. The request's
 * signature is checked by `aws4`, which shares nothing with ours, and the
 * errors are those of the API reference.
 */
import { sign as signAws4 } from "aws4";
import type { KeyObject } from "node:crypto";
import { signWithKey } from "../../signing/keys/private-key.ts";
import type { DigestAlgorithm } from "../../signing/signer.ts";
import { startKeyService, type KeyService, type ServiceAnswer, type ServiceRequest } from "./key-service.ts";

export interface AwsKmsOptions {
  readonly keyId: string;
  readonly key: KeyObject;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly now: () => Date;
}

const MAX_SKEW_MS = 5 * 60_000;

export function startAwsKms(options: AwsKmsOptions): Promise<KeyService> {
  return startKeyService((request) => {
    const refused = authorize(request, options);
    return refused ?? answer(request, options);
  });
}

const fault = (status: number, type: string, message: string): ServiceAnswer => ({
  status,
  body: { __type: type, message },
});

function authorize({ headers, method, path, body }: ServiceRequest, options: AwsKmsOptions): ServiceAnswer | undefined {
  const parsed =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    );
  if (parsed === null) return fault(400, "MissingAuthenticationTokenException", "Missing Authentication Token");
  const [, id, , region = "", service = "", signedHeaders = ""] = parsed;
  if (id !== options.accessKeyId || headers["x-amz-security-token"] !== options.sessionToken) {
    return fault(400, "UnrecognizedClientException", "The security token included in the request is invalid.");
  }
  const time = String(headers["x-amz-date"]);
  const date = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (Math.abs(date - options.now().getTime()) > MAX_SKEW_MS) {
    return fault(400, "InvalidSignatureException", `Signature expired: ${time} is now earlier than the limit`);
  }
  const names = signedHeaders.split(";");
  const required = ["host", "x-amz-date", ...(options.sessionToken === undefined ? [] : ["x-amz-security-token"])];
  const isOurs = region === options.region && service === "kms" && required.every((name) => names.includes(name));
  const picked = Object.fromEntries(
    names.filter((name) => name !== "x-amz-security-token").map((name) => [name, String(headers[name])]),
  );
  const unsigned = {
    host: headers.host ?? "",
    method,
    path,
    body,
    region,
    service,
    headers: picked,
    // Added by aws4, not signed by everybody.
    extraHeadersToIgnore: { "content-length": true },
  };
  const { accessKeyId, secretAccessKey, sessionToken } = options;
  const expected = signAws4(unsigned, {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
  }).headers?.["Authorization"];
  if (isOurs && headers.authorization === expected) return undefined;
  return fault(
    400,
    "InvalidSignatureException",
    // The service repeats what it was sent.
    `The request signature we calculated does not match. The canonical string was x-amz-security-token:${options.sessionToken}`,
  );
}

function answer({ headers, method, path, body }: ServiceRequest, options: AwsKmsOptions): ServiceAnswer {
  const isSign = method === "POST" && path === "/" && headers["x-amz-target"] === "TrentService.Sign";
  if (!isSign || headers["content-type"] !== "application/x-amz-json-1.1") {
    return fault(400, "UnknownOperationException", "");
  }
  const { KeyId, Message, MessageType, SigningAlgorithm }: Record<string, string> = JSON.parse(body);
  if (KeyId !== options.keyId) return fault(400, "NotFoundException", `Key '${KeyId}' does not exist`);
  const digest = Buffer.from(Message ?? "", "base64");
  const isRsa = options.key.asymmetricKeyType === "rsa";
  const curveBits = options.key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? 384 : 256;
  const allowed = isRsa
    ? ["RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512"]
    : [`ECDSA_SHA_${curveBits}`];
  if (!allowed.includes(SigningAlgorithm ?? "")) {
    return fault(400, "InvalidKeyUsageException", `Algorithm ${SigningAlgorithm} is incompatible with this key`);
  }
  const bits = Number(SigningAlgorithm?.slice(-3));
  if (MessageType !== "DIGEST" || digest.length * 8 !== bits) {
    return fault(400, "ValidationException", "Digest is invalid length for the algorithm");
  }
  const digestAlgorithm = `sha${bits}` as DigestAlgorithm;
  const { signature } = signWithKey(options.key, { digestAlgorithm, digest, hint: { file: "", kind: "test" } }, "kms");
  return {
    status: 200,
    body: {
      KeyId: `arn:aws:kms:${options.region}:111122223333:key/1234`,
      KeyOrigin: "AWS_KMS",
      Signature: Buffer.from(signature).toString("base64"),
      SigningAlgorithm,
    },
  };
}
