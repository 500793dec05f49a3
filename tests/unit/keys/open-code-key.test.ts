import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { CodeKeyReference, KeyPlace } from "../../../build/config/resolved-signing.ts";
import { openCodeKey } from "../../../build/keys/open-code-key.ts";
import { ErthError } from "../../../runtime/base/errors.ts";
import { parseCertificate } from "../../../signing/cms/certificate.ts";
import { checkSignature } from "../../../signing/keys/check-signature.ts";
import { startAwsKms } from "../../fakes/aws-kms.ts";
import { startAzure } from "../../fakes/azure.ts";
import { windowsAuthority } from "../../fakes/certificate-authority.ts";
import { startGoogle } from "../../fakes/google-kms.ts";
import { fakeKeyWorld, NOW } from "../../fakes/key-world.ts";
import type { KeyService } from "../../fakes/key-service.ts";
import { scratchFolder } from "../../support/scratch.ts";

const { leaf } = windowsAuthority();
const now = () => NOW;

function reference(place: KeyPlace, more: Partial<CodeKeyReference> = {}): CodeKeyReference {
  return {
    field: "signing.windows.key",
    place,
    passwordVariable: undefined,
    certificates: undefined,
    select: undefined,
    ...more,
  };
}

/** Opens the key, signs with it, and checks the signature against the certificate it names. */
async function signs(key: CodeKeyReference, env: Record<string, string>): Promise<string> {
  const { signer, chain } = await openCodeKey(key, fakeKeyWorld(env));
  const digest = createHash("sha256").update("some code").digest();
  const hint = { file: "some.exe", kind: "test" } as const;
  const response = await signer.signDigest({ digestAlgorithm: "sha256", digest, hint });
  const [der] = response.chain ?? (await signer.certificates()) ?? [];
  expect(Buffer.from(der ?? [])).toEqual(Buffer.from(leaf.der));
  checkSignature({
    ...response,
    digestAlgorithm: "sha256",
    digest,
    keyName: signer.name,
    leaf: parseCertificate(leaf.der),
  });
  expect(chain?.certificates.length ?? 3).toBe(3);
  return signer.name;
}

async function faultOf(key: CodeKeyReference, env: Record<string, string>): Promise<ErthError> {
  const error: unknown = await openCodeKey(key, fakeKeyWorld(env)).catch((thrown: unknown) => thrown);
  if (!(error instanceof ErthError)) throw new Error(`expected a fault, got ${String(error)}`);
  return error;
}

function ended<Service extends KeyService>(service: Service): Service {
  onTestFinished(() => service.close());
  return service;
}

async function chainFile(): Promise<string> {
  const path = join(await scratchFolder(), "chain.pem");
  await writeFile(path, leaf.chainPem);
  return path;
}

test("a file, and a variable with its text", async () => {
  const folder = await scratchFolder();
  await writeFile(join(folder, "key.pem"), leaf.keyPem + leaf.chainPem);
  const file = { kind: "source", source: { path: join(folder, "key.pem") } } as const;
  expect(await signs(reference(file), {})).toBe("key file key.pem");
  const variable = { kind: "source", source: { env: "KEY" } } as const;
  const base64 = Buffer.from(leaf.keyPem).toString("base64");
  const beside = reference(variable, { certificates: { env: "CHAIN" } });
  expect(await signs(beside, { KEY: base64, CHAIN: leaf.chainPem })).toBe("variable KEY");
});

test("AWS KMS, with the region and the login of the AWS tools' variables", async () => {
  const login = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "aws-secret" };
  const options = { keyId: "alias/code", key: leaf.key, region: "eu-west-1", accessKeyId: "AKIDEXAMPLE" };
  const { url } = ended(await startAwsKms({ ...options, secretAccessKey: "aws-secret", now }));
  const place: KeyPlace = { kind: "aws-kms", keyId: "alias/code", region: undefined, endpoint: url };
  const key = reference(place, { certificates: { path: await chainFile() } });
  expect(await signs(key, { ...login, AWS_REGION: "eu-west-1" })).toBe("AWS KMS key alias/code (eu-west-1)");
  expect(await faultOf(key, login)).toMatchObject({ code: "KEY_CONFIG", message: /awsKms.region nor AWS_REGION/ });
  expect(await faultOf(key, { AWS_REGION: "eu-west-1" })).toMatchObject({
    code: "KEY_CREDENTIALS",
    message: /^signing\.windows\.key: .*AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/,
  });
  const alone = reference(place);
  expect(await faultOf(alone, { ...login, AWS_REGION: "eu-west-1" })).toMatchObject({ code: "KEY_NO_CERTIFICATE" });
});

test("Google Cloud KMS, with a service account's file, its JSON, or a token", async () => {
  const keyVersion = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
  const google = ended(await startGoogle({ keyVersion, key: leaf.key, digestAlgorithm: "sha256", now }));
  const key = reference(
    { kind: "google-kms", keyVersion, endpoint: google.url },
    { certificates: { path: await chainFile() } },
  );
  const path = join(await scratchFolder(), "account.json");
  await writeFile(path, google.serviceAccount);
  await signs(key, { GOOGLE_APPLICATION_CREDENTIALS: path });
  await signs(key, { GOOGLE_APPLICATION_CREDENTIALS: google.serviceAccount });
  await signs(key, { GOOGLE_OAUTH_ACCESS_TOKEN: google.tokens.at(-1) ?? "" });
  expect(await faultOf(key, {})).toMatchObject({ code: "KEY_CREDENTIALS" });
  expect(await faultOf(key, { GOOGLE_APPLICATION_CREDENTIALS: "/none.json" })).toMatchObject({
    code: "KEY_CREDENTIALS",
    message: /\/none\.json, which cannot be read: ENOENT/,
  });
});

test("Azure Key Vault and Artifact Signing, whose certificates come from the service", async () => {
  const azure = ended(
    await startAzure({
      tenantId: "example.com",
      clientId: "app",
      clientSecret: "azure-secret",
      now,
      vault: { certificate: "code", version: "38ca3e35", der: leaf.der, key: leaf.key },
      artifactSigning: { account: "acme", profile: "public", chain: leaf.chain, key: leaf.key, polls: 2 },
    }),
  );
  const login = {
    AZURE_TENANT_ID: "example.com",
    AZURE_CLIENT_ID: "app",
    AZURE_CLIENT_SECRET: "azure-secret",
    AZURE_AUTHORITY_HOST: azure.url,
  };
  const vault: KeyPlace = {
    kind: "azure-key-vault",
    vaultUrl: azure.url,
    certificate: "code",
    certificateVersion: undefined,
  };
  await signs(reference(vault, { certificates: { path: await chainFile() } }), login);
  const artifact: KeyPlace = {
    kind: "azure-artifact-signing",
    endpoint: azure.url,
    account: "acme",
    profile: "public",
  };
  const opened = await openCodeKey(reference(artifact), fakeKeyWorld(login));
  expect(opened.chain).toBeUndefined();
  await signs(reference(artifact), login);
  expect(await faultOf(reference(artifact), { AZURE_CLIENT_ID: "app" })).toMatchObject({
    code: "KEY_CREDENTIALS",
    message: /AZURE_TENANT_ID and AZURE_CLIENT_SECRET are not set/,
  });
});

test("a fault begins with the field, and shows neither key nor password", async () => {
  const source = { kind: "source", source: { env: "KEY" } } as const;
  const encrypted = leaf.key.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "right one" });
  const key = reference(source, { passwordVariable: "PASSWORD" });
  const material = encrypted + leaf.chainPem;
  for (const [env, code] of [
    [{ PASSWORD: "hunter2-wrong" }, "KEY_NOT_FOUND"],
    [{ KEY: material }, "KEY_PASSWORD"],
    [{ KEY: material, PASSWORD: "hunter2-wrong" }, "KEY_PASSWORD"],
    [{ KEY: material, PASSWORD: "" }, "KEY_PASSWORD"],
    [{ KEY: material.slice(0, 300), PASSWORD: "hunter2-wrong" }, "KEY_DAMAGED"],
  ] as const) {
    const fault = await faultOf(key, env);
    expect([fault.code, fault.message]).toEqual([code, expect.stringMatching(/^signing\.windows\.key: /)]);
    expect(`${fault.message}${fault.remedy}${JSON.stringify(fault.facts)}`).not.toMatch(/hunter2|MII/);
  }
});
