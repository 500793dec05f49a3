import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../../../runtime/base/secret.ts";
import {
  AZURE_ARTIFACT_SIGNING_SCOPE,
  azureArtifactSigner,
  type AzureArtifactSigningKey,
} from "../../../../signing/keys/azure-artifact-signing.ts";
import {
  AZURE_KEY_VAULT_SCOPE,
  azureKeyVaultSigner,
  type AzureKeyVaultKey,
} from "../../../../signing/keys/azure-key-vault.ts";
import { azureTokens } from "../../../../signing/keys/azure-login.ts";
import { type AccessTokens, givenToken } from "../../../../signing/keys/oauth-token.ts";
import type { DigestSigner } from "../../../../signing/signer.ts";
import { type FakeAzure, startAzure, type AzureOptions } from "../../../fakes/azure.ts";
import { windowsAuthority } from "../../../fakes/certificate-authority.ts";
import {
  fakeWorld,
  status,
  type FakeWorld,
  type ServiceAnswer,
  type ServiceFault,
} from "../../../fakes/key-service.ts";
import { faultOf, signAndCheck, signRequest } from "./requests.ts";

const authority = windowsAuthority();
const SECRET = "ySS8Q~client secret/+=&";
const TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47";

let world: FakeWorld;
let azure: FakeAzure;

const restart = async (more: Partial<AzureOptions> = {}): Promise<void> => {
  await azure?.close();
  azure = await startAzure({
    tenantId: TENANT,
    clientId: "app",
    clientSecret: SECRET,
    now: () => world.now(),
    vault: { certificate: "code", version: "38ca3e35", der: authority.leaf.der, key: authority.leaf.key },
    artifactSigning: {
      account: "acme",
      profile: "public",
      chain: authority.leaf.chain,
      key: authority.leaf.key,
      polls: 3,
    },
    ...more,
  });
};
const tokens = (scope: string, more: object = {}): AccessTokens =>
  azureTokens(
    { tenantId: TENANT, clientId: "app", clientSecret: new Secret(SECRET), authority: azure.url, ...more },
    scope,
    world,
  );
const vaultKey = (more: Partial<AzureKeyVaultKey> = {}): AzureKeyVaultKey => ({
  vaultUrl: azure.url,
  certificate: "code",
  tokens: tokens(AZURE_KEY_VAULT_SCOPE),
  intermediates: authority.leaf.chain.slice(1),
  ...more,
});
const profileKey = (more: Partial<AzureArtifactSigningKey> = {}): AzureArtifactSigningKey => ({
  endpoint: azure.url,
  account: "acme",
  profile: "public",
  tokens: tokens(AZURE_ARTIFACT_SIGNING_SCOPE),
  ...more,
});
const faultFrom = (signer: DigestSigner) =>
  faultOf(signer.signDigest(signRequest("a")), [SECRET, "token-1", "token-2", "token-3"]);
const paths = (): readonly string[] => azure.requests.map(({ path }) => path);

beforeEach(async () => {
  world = fakeWorld();
  await restart();
});
afterEach(() => azure.close());

describe("Microsoft Entra ID", () => {
  test("one login serves many signatures, until shortly before the token ends", async () => {
    const signer = azureKeyVaultSigner(vaultKey(), world);
    await Promise.all([signer, signer, signer].map((it) => it.signDigest(signRequest("a"))));
    expect(azure.tokens).toHaveLength(1);
    world.pass(3400_000);
    await signer.signDigest(signRequest("b"));
    expect(azure.tokens).toHaveLength(1);
    world.pass(100_000);
    await signer.signDigest(signRequest("c"));
    expect(azure.tokens).toHaveLength(2);
  });

  test("a token that is refused is renewed once, and only once", async () => {
    const signer = azureKeyVaultSigner(vaultKey(), world);
    await signer.certificates();
    azure.revoke();
    await signAndCheck(signer, authority.leaf.der, signRequest("a"));
    expect(azure.tokens).toHaveLength(2);
    expect(world.waits).toEqual([]);
    azure.fail(/sign$/, status(401), status(401));
    expect(await faultFrom(signer)).toMatchObject({ code: "KEY_CREDENTIALS" });
    expect(azure.tokens).toHaveLength(3);
  });

  test("a token that was given cannot be renewed", async () => {
    const given = azureKeyVaultSigner(vaultKey({ tokens: givenToken(new Secret("token-1")) }), world);
    expect(await faultFrom(given)).toMatchObject({
      code: "KEY_CREDENTIALS",
      message: "Azure Key Vault answered 401 Unauthorized: AKV10000: Request is missing a Bearer token.",
    });
  });

  test.each([
    [
      { clientSecret: new Secret(`${SECRET}x`) },
      /AADSTS7000215: Invalid client secret provided: \[secret\]\./,
      /value, not its id/,
    ],
    [{ clientId: "other" }, /AADSTS700016/, /AZURE_CLIENT_ID/],
    [{ tenantId: "elsewhere.example" }, /AADSTS90002/, /AZURE_TENANT_ID/],
  ])("refused: %o", async (more, message, remedy) => {
    const fault = await faultFrom(
      azureKeyVaultSigner(vaultKey({ tokens: tokens(AZURE_KEY_VAULT_SCOPE, more) }), world),
    );
    expect(fault).toMatchObject({ code: "KEY_CREDENTIALS" });
    expect(fault.message).toMatch(message);
    expect(fault.remedy).toMatch(remedy);
    expect(azure.requests).toHaveLength(1);
  });

  test("a failed login is not kept, and a passing one is repeated", async () => {
    azure.fail(/token$/, status(503), { kind: "reset" }, status(200, { access_token: "a\nb" }));
    const signer = azureKeyVaultSigner(vaultKey(), world);
    expect(await faultFrom(signer)).toMatchObject({ code: "KEY_ANSWER" });
    await signAndCheck(signer, authority.leaf.der, signRequest("a"));
    expect(world.waits).toEqual([500, 1000]);
  });

  test("a tenant that is no tenant", () => {
    expect(() => tokens(AZURE_KEY_VAULT_SCOPE, { tenantId: "../common" })).toThrow(/neither an id nor a domain/);
    expect(() => tokens(AZURE_KEY_VAULT_SCOPE, { authority: "http://login.example" })).toThrow(/not an https address/);
  });
});

describe("Key Vault", () => {
  test("RSA signs with every digest; the certificate comes from the vault, its issuers from the config", async () => {
    const signer = azureKeyVaultSigner(vaultKey(), world);
    expect(await signer.certificates()).toEqual(authority.leaf.chain);
    for (const algorithm of ["sha256", "sha384", "sha512"] as const) {
      await signAndCheck(signer, authority.leaf.der, signRequest("text", algorithm));
    }
    expect(paths().filter((path) => path.startsWith("/certificates/"))).toEqual(["/certificates/code"]);
    // The key of the very version whose certificate was read.
    expect(paths().filter((path) => path.endsWith("/sign"))).toEqual(Array(3).fill("/keys/code/38ca3e35/sign"));
  });

  test.each(["p256", "p384"] as const)("ECDSA on %s comes as r and s, and leaves as DER", async (name) => {
    const { der, key, chain } = authority[name];
    await restart({ vault: { certificate: "code", version: "1", der, key } });
    const signer = azureKeyVaultSigner(vaultKey({ certificateVersion: "1", intermediates: chain.slice(1) }), world);
    for (const text of ["a", "b", "c", "d"]) {
      await signAndCheck(signer, der, signRequest(text, name === "p256" ? "sha256" : "sha384"));
    }
    expect(paths()).toContain("/certificates/code/1");
  });

  test("a token is never sent to a key elsewhere", async () => {
    const kid = "https://evil.example/keys/code/1";
    const change = (right: ServiceAnswer): ServiceAnswer => ({ ...right, body: { ...Object(right.body), kid } });
    azure.fail(/certificates/, { kind: "change", change });
    const signer = azureKeyVaultSigner(vaultKey(), world);
    expect(await faultFrom(signer)).toMatchObject({ code: "KEY_ANSWER", message: expect.stringContaining("kid") });
    // And the bad answer is not kept.
    await signAndCheck(signer, authority.leaf.der, signRequest("a"));
  });

  test.each<[RegExp, ServiceFault, string]>([
    [/certificates/, status(404, { error: { code: "CertificateNotFound", message: "gone" } }), "KEY_NOT_FOUND"],
    [
      /certificates/,
      status(403, { error: { code: "Forbidden", innererror: { code: "ForbiddenByPolicy" } } }),
      "KEY_PERMISSION",
    ],
    [
      /sign$/,
      status(403, { error: { code: "Forbidden", innererror: { code: "ForbiddenByFirewall" } } }),
      "KEY_PERMISSION",
    ],
    [/sign$/, status(403, { error: { code: "Forbidden", innererror: { code: "KeyDisabled" } } }), "KEY_DISABLED"],
    [/sign$/, status(400, { error: { code: "BadParameter", message: "no" } }), "KEY_REFUSED"],
    [/sign$/, status(200, { kid: "https://elsewhere", value: "AA" }), "KEY_ANSWER"],
    [/sign$/, { kind: "text", text: "{" }, "KEY_ANSWER"],
    [/certificates/, status(200, { cer: "****" }), "KEY_ANSWER"],
  ])("%s answers %o: %s", async (path, fault, code) => {
    azure.fail(path, fault);
    expect(await faultFrom(azureKeyVaultSigner(vaultKey(), world))).toMatchObject({ code });
  });

  test("throttling and resets pass", async () => {
    azure.fail(/sign$/, status(429, {}, { "retry-after": "3" }), { kind: "reset" }, { kind: "cut" });
    await signAndCheck(azureKeyVaultSigner(vaultKey(), world), authority.leaf.der, signRequest("a"));
    expect(world.waits).toEqual([3000, 1000, 2000]);
  });

  test("names that could change the path are refused", () => {
    expect(() => azureKeyVaultSigner(vaultKey({ certificate: "../keys/x" }), world)).toThrow(/not the name/);
    expect(() => azureKeyVaultSigner(vaultKey({ certificateVersion: "1?x" }), world)).toThrow(/not the name/);
  });
});

describe("Artifact Signing", () => {
  test("signature and chain come after a few polls; the chain is put in order", async () => {
    const signer = azureArtifactSigner(profileKey(), world);
    expect(signer.name).toBe("Azure Artifact Signing profile acme/public");
    expect(await signer.certificates()).toBeUndefined();
    for (const algorithm of ["sha256", "sha384", "sha512"] as const) {
      const request = signRequest("text", algorithm);
      expect((await signer.signDigest(request)).chain).toEqual(authority.leaf.chain);
      await signAndCheck(signer, authority.leaf.der, request);
    }
    expect(world.waits.slice(0, 3)).toEqual([250, 500, 1000]);
    expect(azure.tokens).toHaveLength(1);
  });

  test("an answer in the shape of the later interface", async () => {
    const change = ({ status: code, body }: ServiceAnswer): ServiceAnswer => {
      const { signature, signingCertificate, operationId, ...rest } = Object(body);
      return { status: code, body: { id: operationId, ...rest, result: { signature, signingCertificate } } };
    };
    await restart({
      artifactSigning: {
        account: "acme",
        profile: "public",
        chain: authority.leaf.chain,
        key: authority.leaf.key,
        polls: 1,
      },
    });
    azure.fail(/sign/, { kind: "change", change }, { kind: "change", change });
    await signAndCheck(azureArtifactSigner(profileKey(), world), authority.leaf.der, signRequest("a"));
  });

  test("an operation that does not end is given up after three minutes", async () => {
    await restart({
      artifactSigning: {
        account: "acme",
        profile: "public",
        chain: authority.leaf.chain,
        key: authority.leaf.key,
        polls: 9999,
      },
    });
    expect(await faultFrom(azureArtifactSigner(profileKey(), world))).toMatchObject({
      code: "KEY_SERVICE_BUSY",
      message: expect.stringMatching(/did not finish the signing operation 1f234bd9\S* within 18\d/),
    });
  });

  test.each(["Failed", "TimedOut", "NotFound", ""])("an operation that ends with %o", async (end) => {
    azure.fail(
      /sign\/.*/,
      status(200, { status: end, errorDetail: { code: "X", message: "identity validation expired" } }),
    );
    expect(await faultFrom(azureArtifactSigner(profileKey(), world))).toMatchObject({
      code: "KEY_REFUSED",
      message: expect.stringContaining(`with "${end}" (identity validation expired)`),
    });
  });

  test("failures while polling pass without a second operation", async () => {
    azure.fail(/sign\/.*/, status(500), { kind: "reset" }, status(429));
    await signAndCheck(azureArtifactSigner(profileKey(), world), authority.leaf.der, signRequest("a"));
    expect(azure.requests.filter(({ method, path }) => method === "POST" && path.endsWith("sign"))).toHaveLength(1);
  });

  test("a token that ends while polling is renewed", async () => {
    const signer = azureArtifactSigner(profileKey(), world);
    azure.fail(/sign\/.*/, status(401));
    await signAndCheck(signer, authority.leaf.der, signRequest("a"));
    expect(azure.tokens).toHaveLength(2);
  });

  test("without the role, or on the wrong account, the role is named", async () => {
    expect(await faultFrom(azureArtifactSigner(profileKey({ profile: "private" }), world))).toMatchObject({
      code: "KEY_PERMISSION",
      message: "Azure Artifact Signing answered 403 Forbidden: The caller lacks the signer role.",
      remedy: expect.stringContaining("Artifact Signing Certificate Profile Signer"),
    });
  });

  test.each<[ServiceFault]>([
    [status(202, { status: "InProgress" })],
    [status(202, { operationId: "../../x", status: "InProgress" })],
    [status(200, { operationId: "1", status: "Succeeded" })],
    [status(200, { operationId: "1", status: "Succeeded", signature: "AA==" })],
  ])("an answer that cannot be used: %o", async (fault) => {
    azure.fail(/sign$/, fault);
    expect(await faultFrom(azureArtifactSigner(profileKey(), world))).toMatchObject({ code: "KEY_ANSWER" });
  });

  test("names that could change the path are refused", () => {
    expect(() => azureArtifactSigner(profileKey({ account: "a/b" }), world)).toThrow(/does not name an account/);
  });
});
