/**
 * A key in AWS KMS: `TrentService.Sign` of the AWS Key Management Service API
 * Reference. KMS has no certificates, so the chain is configured.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import { Secret } from "../../runtime/base/secret.ts";
import type { DigestSigner } from "../signer.ts";
import { algorithmOfLeaf, checkDigestFits, leafOf, schemeOf } from "./key-algorithm.ts";
import { bytesOf, serviceUrl, textOf, wrongAnswer } from "./rest-answer.ts";
import { askService, type RestFault, type RestJudgement, type RestWorld } from "./rest.ts";
import { signSigV4, type SigV4Credentials } from "./sigv4.ts";

export interface AwsKmsKey {
  /** Key id, ARN, or alias (`alias/code-signing`). */
  readonly keyId: string;
  readonly region: string;
  readonly credentials: SigV4Credentials;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
  /** Instead of the region's own, for example a VPC endpoint. */
  readonly endpoint?: string;
}

const NAME = "AWS KMS";

/** The signer of a KMS key; nothing is asked of the service yet. Throws `KEY_CONFIG`, `KEY_KIND` or `KEY_NO_CERTIFICATE`. */
export function awsKmsSigner(key: AwsKmsKey, world: RestWorld): DigestSigner {
  const name = `AWS KMS key ${key.keyId} (${key.region})`;
  if (!/^[a-z0-9-]+$/.test(key.region)) {
    throw new ErthError({
      code: "KEY_CONFIG",
      message: `"${key.region}" is not an AWS region.`,
      remedy: "set AWS_REGION to the key's region, for example eu-west-1",
    });
  }
  const url = serviceUrl(
    NAME,
    key.endpoint ?? `https://kms.${key.region}.amazonaws.com${key.region.startsWith("cn-") ? ".cn" : ""}/`,
  );
  const algorithm = algorithmOfLeaf(leafOf(key.certificates, name), name);
  const { secretAccessKey, sessionToken } = key.credentials;
  const secrets = sessionToken === undefined ? [secretAccessKey] : [secretAccessKey, sessionToken];
  return {
    name,
    certificates: async () => key.certificates,
    signDigest: async (request) => {
      const bits = checkDigestFits(algorithm, request, name);
      const signingAlgorithm = `${algorithm.type === "rsa" ? "RSASSA_PKCS1_V1_5" : "ECDSA"}_SHA_${bits}`;
      const body = JSON.stringify({
        KeyId: key.keyId,
        Message: Buffer.from(request.digest).toString("base64"),
        MessageType: "DIGEST",
        SigningAlgorithm: signingAlgorithm,
      });
      const answer = await askService(
        {
          name: NAME,
          request: async () => {
            const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.Sign" };
            const unsigned = { method: "POST", url, headers, body };
            const signed = signSigV4(unsigned, key.credentials, key.region, "kms", world.now());
            return { method: "POST", url, headers: signed, body, secrets };
          },
          readFault: (fault) => ({
            // `com.amazonaws.kms#NotFoundException` in some answers.
            code: textOf(fault, "__type")?.replace(/^.*#/, ""),
            message: textOf(fault, "message") ?? textOf(fault, "Message"),
          }),
          judge: (fault) => judge(fault, key),
        },
        world,
      );
      if (textOf(answer.body, "SigningAlgorithm") !== signingAlgorithm) {
        throw wrongAnswer(NAME, `it is not of the algorithm ${signingAlgorithm}`);
      }
      return { signature: bytesOf(NAME, answer.body, "Signature"), scheme: schemeOf(algorithm) };
    },
  };
}

/** Static or session credentials from the variables that AWS tools and their login steps set; all that is missing is named. */
export function awsCredentials(env: Readonly<Record<string, string | undefined>>): SigV4Credentials {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = env;
  if (id && secret) {
    const pair = { accessKeyId: id.trim(), secretAccessKey: new Secret(secret.trim()) };
    return token ? { ...pair, sessionToken: new Secret(token.trim()) } : pair;
  }
  const missing = [id ? "" : "AWS_ACCESS_KEY_ID", secret ? "" : "AWS_SECRET_ACCESS_KEY"].filter((text) => text !== "");
  throw new ErthError({
    code: "KEY_CREDENTIALS",
    message: `there are no AWS credentials: ${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not set.`,
    remedy: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for temporary ones)",
  });
}

/** KMS answers 400 to throttling and to its own passing states. */
const PASSING = new Set([
  "ThrottlingException",
  "Throttling",
  "LimitExceededException",
  "RequestLimitExceeded",
  "KMSInternalException",
  "InternalFailure",
  "DependencyTimeoutException",
  "KeyUnavailableException",
  "ServiceUnavailable",
]);

const CREDENTIALS = new Set([
  "UnrecognizedClientException",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
  "IncompleteSignatureException",
  "IncompleteSignature",
  "MissingAuthenticationTokenException",
  "MissingAuthenticationToken",
]);

function judge({ status, code = "", message }: RestFault, { keyId, region }: AwsKmsKey): RestJudgement {
  if (PASSING.has(code)) return "again";
  if (/Signature (expired|not yet current)|RequestExpired|RequestTimeTooSkewed/.test(`${code} ${message}`)) {
    return { code: "KEY_CREDENTIALS", remedy: "set this machine's clock right, then: erth doctor signing" };
  }
  if (code === "ExpiredTokenException" || code === "ExpiredToken") {
    return { code: "KEY_CREDENTIALS", remedy: "the session has ended: log in to AWS again and repeat the command" };
  }
  if (CREDENTIALS.has(code) || status === 401) {
    return {
      code: "KEY_CREDENTIALS",
      remedy: "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, then: erth doctor signing",
    };
  }
  if (code === "AccessDeniedException" || status === 403) {
    return {
      code: "KEY_PERMISSION",
      remedy: `allow kms:Sign on ${keyId} for this user or role, then: erth doctor signing`,
    };
  }
  if (code === "NotFoundException" || status === 404) {
    return {
      code: "KEY_NOT_FOUND",
      remedy: `check the key id and the region: aws kms describe-key --key-id ${keyId} --region ${region}`,
    };
  }
  if (code === "DisabledException" || code === "KMSInvalidStateException") {
    return { code: "KEY_DISABLED", remedy: `enable it: aws kms enable-key --key-id ${keyId} --region ${region}` };
  }
  if (code === "InvalidKeyUsageException") {
    return { code: "KEY_KIND", remedy: "use a key of usage SIGN_VERIFY whose type is that of its certificate" };
  }
  return { code: "KEY_REFUSED", remedy: `check the key: aws kms describe-key --key-id ${keyId} --region ${region}` };
}
