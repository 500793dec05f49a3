/**
 * From what the config says about a code-signing key to a signer. Every fault
 * begins with the field that is to be mended, and holds no secret.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import { Secret } from "../../runtime/base/secret.ts";
import { buildChain, type CertificateChain } from "../../signing/cms/certificate-chain.ts";
import { parseCertificate } from "../../signing/cms/certificate.ts";
import { awsCredentials, awsKmsSigner } from "../../signing/keys/aws-kms.ts";
import { AZURE_ARTIFACT_SIGNING_SCOPE, azureArtifactSigner } from "../../signing/keys/azure-artifact-signing.ts";
import { AZURE_KEY_VAULT_SCOPE, azureKeyVaultSigner } from "../../signing/keys/azure-key-vault.ts";
import { openFileKey, readCertificates } from "../../signing/keys/file-key.ts";
import { googleKmsSigner } from "../../signing/keys/google-kms.ts";
import { parsePkcs11Uri } from "../../signing/keys/pkcs11-uri.ts";
import { openPkcs11Signer } from "../../signing/keys/pkcs11.ts";
import { orderChain } from "../../signing/keys/served-chain.ts";
import type { DigestSigner } from "../../signing/signer.ts";
import type { CodeKeyReference, KeyPlace } from "../config/resolved-signing.ts";
import { naming } from "../tools/naming.ts";
import { type KeyWorld, restWorldOf } from "./key-world.ts";
import { awsRegion, azureLogin, googleLogin } from "./service-logins.ts";

export interface CodeKey {
  /** `signing.apple.key`. */
  readonly field: string;
  readonly signer: DigestSigner;
  /** Undefined where the certificates come with each signature. */
  readonly chain: CertificateChain | undefined;
  /** Damage that was repaired: sentences to print. */
  readonly warnings: readonly string[];
  /** Logs out of a token. */
  close(): Promise<void>;
}

/** Opens a key that is no keychain identity. Throws `KEY_…` errors; dates and kind of its certificate are not judged here. */
export async function openCodeKey(reference: CodeKeyReference, world: KeyWorld): Promise<CodeKey> {
  return naming(reference.field, async () => {
    const { signer, warnings, close } = await openPlace(reference, world);
    const certificates = (await signer.certificates())?.map((der) => parseCertificate(der));
    const [leaf] = certificates ?? [];
    const chain = leaf && buildChain(leaf, certificates ?? []);
    return { field: reference.field, signer, chain, warnings, close };
  });
}

type Opened = Pick<CodeKey, "signer" | "warnings" | "close">;

const nothingToClose = async (): Promise<void> => undefined;

async function openPlace(reference: CodeKeyReference, world: KeyWorld): Promise<Opened> {
  const { place } = reference;
  if (place.kind === "keychain") throw new Error("a keychain identity is no signer of digests");
  if (place.kind === "source") {
    const { signer, warnings } = await openFileKey({
      key: place.source,
      certificates: reference.certificates,
      password: passwordOf(reference, world),
      select: reference.select,
      env: world.env,
    });
    return { signer, warnings, close: nothingToClose };
  }
  const beside = reference.certificates && (await readCertificates(reference.certificates, world.env));
  const certificates = beside === undefined ? [] : orderChain(beside.certificates);
  const warnings = beside?.warnings ?? [];
  if (place.kind === "pkcs11") {
    const pin = passwordOf(reference, world);
    const token = { ...parsePkcs11Uri(place.uri), certificates, ...(pin === undefined ? {} : { pin }) };
    const signer = await openPkcs11Signer(token);
    return { signer, warnings, close: () => signer.close() };
  }
  return { signer: await serviceSigner(place, certificates, world), warnings, close: nothingToClose };
}

type Service = Exclude<KeyPlace, { kind: "source" | "pkcs11" | "keychain" }>;

async function serviceSigner(
  place: Service,
  certificates: readonly Uint8Array[],
  world: KeyWorld,
): Promise<DigestSigner> {
  const rest = restWorldOf(world);
  if (place.kind === "aws-kms") {
    const { keyId, endpoint } = place;
    const key = { keyId, region: awsRegion(place.region, world), credentials: awsCredentials(world.env), certificates };
    return awsKmsSigner({ ...key, ...(endpoint === undefined ? {} : { endpoint }) }, rest);
  }
  if (place.kind === "google-kms") {
    const { keyVersion, endpoint } = place;
    const key = { keyVersion, tokens: await googleLogin(world), certificates };
    return googleKmsSigner({ ...key, ...(endpoint === undefined ? {} : { endpoint }) }, rest);
  }
  if (place.kind === "azure-key-vault") {
    const { vaultUrl, certificate, certificateVersion } = place;
    const tokens = azureLogin(AZURE_KEY_VAULT_SCOPE, world);
    const key = { vaultUrl, certificate, tokens, intermediates: certificates };
    return azureKeyVaultSigner({ ...key, ...(certificateVersion === undefined ? {} : { certificateVersion }) }, rest);
  }
  const { endpoint, account, profile } = place;
  const tokens = azureLogin(AZURE_ARTIFACT_SIGNING_SCOPE, world);
  return azureArtifactSigner({ endpoint, account, profile, tokens }, rest);
}

/** The password that a reference names, or undefined where it names none. Throws `KEY_PASSWORD` for a variable that is not set. */
export function passwordOf(
  { field, passwordVariable }: { readonly field: string; readonly passwordVariable: string | undefined },
  { env }: KeyWorld,
): Secret | undefined {
  if (passwordVariable === undefined) return undefined;
  const value = env[passwordVariable];
  // An empty one is a password too; a key that needs another says so.
  if (value !== undefined) return new Secret(value);
  throw new ErthError({
    code: "KEY_PASSWORD",
    message: `The variable ${passwordVariable}, which holds the password, is not set.`,
    remedy: `set ${passwordVariable}, or remove ${field}.passwordEnv if the key has none, then: erth doctor signing`,
  });
}
