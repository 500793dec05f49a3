/** Signs a digest with a private key that this process holds. */
import { constants, type KeyObject, privateEncrypt } from "node:crypto";
import { p256, p384 } from "@noble/curves/nist.js";
import { ErthError } from "../../runtime/base/errors.ts";
import type { SignRequest, SignResponse } from "../signer.ts";
import { encodeDigestInfo } from "./digest-info.ts";

/** Node's names of the curves that code signing uses. */
const curves = { prime256v1: p256, secp384r1: p384 } as const;

/** Whether `signWithKey` can use it: RSA, or ECDSA on P-256 or P-384. */
export function isSigningKey(key: KeyObject): boolean {
  const curve = key.asymmetricKeyDetails?.namedCurve ?? "";
  return key.asymmetricKeyType === "rsa" || (key.asymmetricKeyType === "ec" && curve in curves);
}

/** Signs; the same digest gives the same bytes (RFC 6979 for ECDSA). Another kind of key is `KEY_KIND`. */
export function signWithKey(key: KeyObject, { digestAlgorithm, digest }: SignRequest, keyName: string): SignResponse {
  if (key.asymmetricKeyType === "rsa") {
    const padding = constants.RSA_PKCS1_PADDING;
    return {
      scheme: "rsa-pkcs1",
      signature: privateEncrypt({ key, padding }, encodeDigestInfo(digestAlgorithm, digest)),
    };
  }
  const name = key.asymmetricKeyDetails?.namedCurve;
  const scalar = key.asymmetricKeyType === "ec" ? key.export({ format: "jwk" }).d : undefined;
  if ((name === "prime256v1" || name === "secp384r1") && scalar !== undefined) {
    // node:crypto signs messages with ECDSA, never a digest.
    const signature = curves[name].sign(digest, Buffer.from(scalar, "base64url"), {
      prehash: false,
      lowS: false,
      format: "der",
    });
    return { scheme: "ecdsa-der", signature };
  }
  throw keyKindError(key, keyName);
}

/** Says what kind of key it is, and that it cannot sign code. */
export function keyKindError(key: KeyObject, keyName: string): ErthError {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return new ErthError({
    code: "KEY_KIND",
    message: `${keyName} is a key of type ${key.asymmetricKeyType ?? "unknown"}${curve ? ` on ${curve}` : ""}.`,
    remedy: "use an RSA key of 3072 bits or more, or a P-256 key",
  });
}
