/** Tries every configured key before anything is built: opens it, reads its certificate, makes a test signature. */
import { createHash, randomBytes } from "node:crypto";
import { buildChain, type CertificateChain } from "../../signing/cms/certificate-chain.ts";
import { parseCertificate, renderName } from "../../signing/cms/certificate.ts";
import { checkSignature } from "../../signing/keys/check-signature.ts";
import { leafOf } from "../../signing/keys/key-algorithm.ts";
import { findKeychainIdentity } from "../../signing/keys/keychain.ts";
import { inspectCertificate } from "../../signing/keys/inspect-certificate.ts";
import { minisignComment, parseMinisignSignature, signMinisign, verifyMinisign } from "../../signing/linux/minisign.ts";
import { minisignKeyName } from "../../signing/linux/minisign-key.ts";
import { signOpenPgp } from "../../signing/linux/openpgp.ts";
import type { CodeKeyReference } from "../config/resolved-signing.ts";
import { certificateFit, day, type FitRequest, PURPOSE_NAMES } from "./certificate-fit.ts";
import { type Check, checked, type Findings } from "./check.ts";
import { macHost } from "./key-identity.ts";
import type { Keyring } from "./keyring.ts";
import type { CodeKey } from "./open-code-key.ts";

const WARN_MS = 30 * 24 * 60 * 60 * 1000;

/** A code-signing key, its certificate and a test signature by it. */
export function checkCodeKey(
  keyring: Keyring,
  reference: CodeKeyReference,
  fit: Omit<FitRequest, "chain" | "now">,
): Promise<Check> {
  const { now } = keyring.world;
  return checked(reference.field, async (findings) => {
    if (reference.place.kind === "keychain") {
      const identity = await findKeychainIdentity(
        reference.place.identity,
        macHost(keyring.world),
        undefined,
        fit.use === "mac-installer" ? "basic" : "codesigning",
      );
      findings.fact(`keychain identity ${identity.name}, SHA-1 ${identity.sha1}`);
      return;
    }
    const key = await keyring.codeKey(reference);
    findings.fact(key.signer.name);
    findings.warn(...key.warnings);
    // What a certificate lacks is told even where the key then cannot sign.
    if (key.chain !== undefined) tellChain(key.chain, { ...fit, now: now() }, findings);
    const served = await testSignature(key);
    if (key.chain === undefined) tellChain(served, { ...fit, now: now() }, findings);
    findings.fact("test signature made and verified");
  });
}

/** Signs random bytes and checks the result against the leaf. Returns the chain, which some services tell only now. */
async function testSignature({ signer, chain }: CodeKey): Promise<CertificateChain> {
  const digest = createHash("sha256").update(randomBytes(32)).digest();
  const hint = { file: "erth doctor", kind: "test" } as const;
  const response = await signer.signDigest({ digestAlgorithm: "sha256", digest, hint });
  const certificates = (response.chain ?? (await signer.certificates()) ?? []).map((der) => parseCertificate(der));
  const leaf = certificates[0] ?? parseCertificate(leafOf([], signer.name));
  checkSignature({ ...response, digestAlgorithm: "sha256", digest, keyName: signer.name, leaf });
  return chain ?? buildChain(leaf, certificates);
}

function tellChain(chain: CertificateChain, request: Omit<FitRequest, "chain">, { fact, warn, fault }: Findings): void {
  const [leaf, ...above] = chain.certificates;
  if (leaf === undefined) throw new Error("a chain begins with a leaf");
  const { name, purpose, teamId, validation, key, fingerprint } = inspectCertificate(leaf, request.now);
  const kinds = [
    PURPOSE_NAMES[purpose],
    ...(validation === undefined ? [] : [validation === "extended" ? "EV" : "OV"]),
    ...(teamId === undefined ? [] : [`team ${teamId}`]),
    key,
  ];
  fact(`certificate "${name}": ${kinds.join(", ")}, until ${day(leaf.notAfter)}, SHA-256 ${fingerprint.slice(0, 16)}…`);
  const issuers = above.map(({ subject }) => renderName(subject));
  fact(
    `chain: ${[...issuers, ...(chain.missingIssuer === undefined ? [] : [`${chain.missingIssuer} (not sent along)`])].join(" ← ") || "self-signed"}`,
  );
  const { problems, warnings } = certificateFit({ ...request, chain });
  fault(...problems);
  warn(...warnings);
}

/** The OpenPGP key, and a test signature by it. */
export function checkOpenPgpKey(keyring: Keyring): Promise<Check> {
  return checked("signing.linux.openpgp", async ({ fact, warn }) => {
    const key = await keyring.openPgp();
    if (key === undefined) return;
    const { fingerprint, userIds, expires } = key;
    const now = keyring.world.now();
    fact(
      `OpenPGP key ${fingerprint} of ${userIds.join(", ")}, ${expires ? `until ${day(expires)}` : "without an end"}`,
    );
    if (expires && expires.getTime() - now.getTime() < WARN_MS) {
      warn(
        `The OpenPGP key ${fingerprint} ends on ${day(expires)}: extend it (gpg --quick-set-expire ${fingerprint} 2y).`,
      );
    }
    await signOpenPgp(testContent(), key, now);
    fact("test signature made");
  });
}

/** The minisign key, and a test signature by it. */
export function checkMinisignKey(keyring: Keyring): Promise<Check> {
  return checked("signing.linux.minisign", async ({ fact }) => {
    const key = await keyring.minisign();
    if (key === undefined) return;
    fact(`minisign key ${minisignKeyName(key.publicKey)}`);
    const text = await signMinisign(testContent(), key, minisignComment("test", keyring.world.now()), "minisign");
    await verifyMinisign(testContent(), parseMinisignSignature(text), key.publicKey, "the test signature");
    fact("test signature made and verified");
  });
}

/** The update feed's key. */
export function checkFeedKey(keyring: Keyring): Promise<Check> {
  return checked("signing.feed.key", async ({ fact }) => {
    const key = await keyring.feed();
    if (key !== undefined) fact(`Ed25519 key ${key.keyId}`);
  });
}

async function* testContent(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("erth doctor");
}
