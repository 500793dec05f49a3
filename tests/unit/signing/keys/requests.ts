/** What the tests of all keys share. */
import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { expect } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { checkSignature } from "../../../../signing/keys/check-signature.ts";
import type { DigestAlgorithm, DigestSigner, SignRequest } from "../../../../signing/signer.ts";

export function signRequest(text: string, digestAlgorithm: DigestAlgorithm = "sha256"): SignRequest {
  const digest = createHash(digestAlgorithm).update(text).digest();
  return { digestAlgorithm, digest, hint: { file: "Notes.exe", kind: "test" } };
}

/** Signs, and checks the signature with the leaf. */
export async function signAndCheck(signer: DigestSigner, leaf: Uint8Array, request: SignRequest): Promise<void> {
  const answer = await signer.signDigest(request);
  checkSignature({ ...request, ...answer, keyName: signer.name, leaf: parseCertificate(leaf) });
}

/** The error of work that fails; nothing in it, nor in what it was caused by, may show a secret. */
export async function faultOf(work: Promise<unknown>, secrets: readonly string[]): Promise<ErthError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ErthError)) throw new Error(`expected an ErthError, got ${inspect(error)}`);
  const shown = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error.facts);
  for (const secret of secrets) {
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain(encodeURIComponent(secret));
  }
  expect(error.code).toMatch(/^KEY_/);
  expect(error.remedy).not.toBe("");
  return error;
}
