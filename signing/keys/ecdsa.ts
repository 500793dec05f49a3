/** ECDSA signatures in their two forms: r‖s of JOSE and PKCS #11, and the DER of X.509 (RFC 3279 §2.2.3). */
import { integer, sequence } from "../cms/der.ts";
import { ErthError } from "../../runtime/base/errors.ts";

/** r‖s, each as long as the curve's field, as DER; another length is `KEY_ANSWER`. */
export function ecdsaDer(raw: Uint8Array, curveBits: number, keyName: string): Uint8Array {
  const half = Math.ceil(curveBits / 8);
  if (raw.length !== half * 2) {
    throw new ErthError({
      code: "KEY_ANSWER",
      message: `${keyName} gave a signature of ${raw.length} bytes; on P-${curveBits} it has ${half * 2}.`,
      remedy: "check that the certificate belongs to this key: erth doctor signing",
    });
  }
  return sequence(integer(unsigned(raw.subarray(0, half))), integer(unsigned(raw.subarray(half))));
}

function unsigned(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}
