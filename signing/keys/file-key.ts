/** A signer out of files or CI secrets: PKCS #12, PEM or DER, with the certificates inside or beside. */
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { ErthError, ProblemsError } from "../../runtime/base/errors.ts";
import type { Secret } from "../../runtime/base/secret.ts";
import { buildChain, type CertificateChain } from "../cms/certificate-chain.ts";
import { type Certificate, certificateName, parseCertificate } from "../cms/certificate.ts";
import { parseDer } from "../cms/der.ts";
import type { DigestSigner } from "../signer.ts";
import { certificateProblems } from "./certificate-problems.ts";
import { type KeySource, readKeySource } from "./key-source.ts";
import { decodeKeyContent } from "./key-text.ts";
import { readDer, readPem } from "./pem.ts";
import { isPkcs12, parsePkcs12 } from "./pkcs12.ts";
import { isSigningKey, keyKindError, signWithKey } from "./private-key.ts";

export interface FileKeyOptions {
  readonly key: KeySource;
  /** Where the certificates are not in the key's file, or not all of them. */
  readonly certificates?: KeySource | undefined;
  readonly password?: Secret | undefined;
  /** Picks one of several identities: a part of the certificate's name, or its SHA-256. */
  readonly select?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface FileKey {
  readonly signer: DigestSigner;
  readonly chain: CertificateChain;
  /** Damage that was repaired: sentences to print. */
  readonly warnings: readonly string[];
}

interface Opened {
  readonly name: string;
  readonly keys: readonly KeyObject[];
  readonly certificates: readonly Uint8Array[];
  readonly warnings: readonly string[];
}

/**
 * Opens the key and finds its certificate chain, whatever the order of the
 * files. Throws `KEY_…` errors only: dates and completeness of the chain are
 * told by `certificateProblems`, so that doctor can go on.
 */
export async function openFileKey(options: FileKeyOptions): Promise<FileKey> {
  const main = await openSource(options.key, options);
  const beside = options.certificates && (await openSource(options.certificates, options));
  const keys = [...main.keys, ...(beside?.keys ?? [])];
  const pool = [...main.certificates, ...(beside?.certificates ?? [])].map((der) => parseCertificate(der));
  if (keys.length === 0) {
    throw new ErthError({
      code: "KEY_KIND",
      message: `${main.name} holds ${pool.length} certificates and no private key.`,
      remedy: "export the key together with its certificate as .p12, then type: erth doctor signing",
    });
  }
  if (pool.length === 0) {
    throw new ErthError({
      code: "KEY_NO_CERTIFICATE",
      message: `${main.name} holds a private key and no certificate.`,
      remedy: "set the PEM file with its certificate beside it, then type: erth doctor signing",
    });
  }
  const { key, leaf } = pickIdentity(keys, pool, main.name, options.select);
  const chain = buildChain(leaf, pool);
  const { name } = main;
  if (!isSigningKey(key)) throw keyKindError(key, name);
  const der = chain.certificates.map((certificate) => certificate.der);
  const signer: DigestSigner = {
    name,
    certificates: () => Promise.resolve(der),
    signDigest: (request) => Promise.resolve(signWithKey(key, request, name)),
  };
  return { signer, chain, warnings: [...main.warnings, ...(beside?.warnings ?? [])] };
}

/** The signer, or a `ProblemsError` with everything that is wrong with its certificates at `now`. */
export async function createFileSigner(options: FileKeyOptions, now: Date): Promise<FileKey> {
  const opened = await openFileKey(options);
  const problems = certificateProblems(opened.chain, now);
  if (problems.length > 0) throw new ProblemsError(problems);
  return opened;
}

/** The certificates of a PEM, DER or .p7b source, in its order, for a key that lies elsewhere. Throws `KEY_…` errors. */
export async function readCertificates(
  source: KeySource,
  env?: FileKeyOptions["env"],
): Promise<Pick<Opened, "certificates" | "warnings">> {
  const { name, certificates, warnings } = await openSource(source, env === undefined ? {} : { env });
  if (certificates.length > 0) return { certificates, warnings };
  throw new ErthError({
    code: "KEY_NO_CERTIFICATE",
    message: `${name} holds no certificate.`,
    remedy: "set the PEM file that your certificate authority issued for this key, then type: erth doctor signing",
  });
}

async function openSource(
  source: KeySource,
  { password, env }: Pick<FileKeyOptions, "password" | "env">,
): Promise<Opened> {
  const material = await readKeySource(source, env);
  const { name } = material;
  const content = decodeKeyContent(material);
  const { warnings } = content;
  if (content.kind === "pem") return { name, warnings, ...readPem(content.blocks, password, name) };
  if (!isPkcs12(parseDer(content.der, { ber: true, what: name }))) {
    return { name, warnings, ...readDer(content.der, password, name) };
  }
  const { keys, certificates, warnings: more } = parsePkcs12(content.der, password, name);
  return { name, keys, certificates, warnings: [...warnings, ...more] };
}

interface KeyWithLeaf {
  readonly key: KeyObject;
  readonly leaf: Certificate;
}

/** The key and the certificate that belong together; `KEY_MISMATCH` or `KEY_AMBIGUOUS` name the candidates. */
function pickIdentity(
  keys: readonly KeyObject[],
  pool: readonly Certificate[],
  name: string,
  select: string | undefined,
): KeyWithLeaf {
  const pairs = keys.flatMap((key) => {
    const id = keyId(spkiOf(key));
    return pool.filter(({ key: { spki } }) => keyId(spki) === id).map((leaf) => ({ key, leaf }));
  });
  const unique = pairs.filter(
    ({ leaf }, index) => pairs.findIndex((other) => other.leaf.fingerprint === leaf.fingerprint) === index,
  );
  const wanted = select === undefined ? unique : unique.filter(({ leaf }) => isSelected(leaf, select));
  const [only, ...others] = wanted;
  if (only !== undefined && others.length === 0) return only;
  const described = (certificate: Certificate): string =>
    `"${certificateName(certificate)}" (public key ${keyId(certificate.key.spki)})`;
  if (unique.length === 0) {
    const found = keys.map((key) => `${key.asymmetricKeyType ?? "unknown"} key ${keyId(spkiOf(key))}`).join(", ");
    throw new ErthError({
      code: "KEY_MISMATCH",
      message: `The ${found} of ${name} belongs to none of the certificates: ${pool.map((it) => described(it)).join(", ")}.`,
      remedy: "export the key together with its own certificate, then type: erth doctor signing",
    });
  }
  throw new ErthError({
    code: "KEY_AMBIGUOUS",
    message:
      `${name} holds ${unique.length} identities` +
      `${select === undefined ? "" : `, of which "${select}" names ${wanted.length}`}: ` +
      `${unique.map(({ leaf }) => `"${certificateName(leaf)}" (SHA-256 ${leaf.fingerprint.slice(0, 16)})`).join(", ")}.`,
    remedy: "name one of them, by a part of its name or its SHA-256, then type: erth doctor signing",
  });
}

function isSelected(leaf: Certificate, select: string): boolean {
  const wanted = select.toLowerCase();
  return (
    leaf.fingerprint.startsWith(wanted.replaceAll(":", "")) || certificateName(leaf).toLowerCase().includes(wanted)
  );
}

function spkiOf(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ format: "der", type: "spki" });
}

/** Short name of a public key: it can be told, unlike anything of the private one. */
function keyId(spki: Uint8Array): string {
  return createHash("sha256").update(spki).digest("hex").slice(0, 16);
}
