import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { resolveConfig } from "../../../build/config/resolve.ts";
import { ProblemsError } from "../../../runtime/base/errors.ts";
import { sampleApp, sampleConfig } from "./sample.ts";

const app = sampleApp();

function resolve(signing: unknown) {
  return resolveConfig({ ...sampleConfig(), signing }, app.file).signing;
}

/** Every problem as one text, as a user reads it. */
function problems(signing: unknown): string {
  try {
    resolve(signing);
  } catch (error) {
    if (error instanceof ProblemsError) {
      return error.problems.map(({ message, remedy }) => `${message} do ${remedy}`).join("\n");
    }
    throw error;
  }
  return "";
}

test("every place of a key resolves to a reference, with absolute paths and defaults", () => {
  writeFileSync(join(app.folder, "sidecar.plist"), "<plist/>");
  const signing = resolve({
    apple: {
      key: { env: "APPLE_KEY", passwordEnv: "APPLE_PASSWORD", certificates: "chain.pem", select: "Developer ID" },
      installerKey: { file: "keys/installer.p12" },
      teamId: "ABCDE12345",
      entitlements: { "my-sidecar": "sidecar.plist" },
      notarize: { appleApiKeyEnv: "APPLE_API_KEY", appleApiKeyId: "ABCDE12345", mode: "submit", waitMinutes: 5 },
    },
    windows: { key: { azureArtifactSigning: { endpoint: "https://weu.example.com", account: "a", profile: "p" } } },
    linux: { openpgp: { file: "keys/release.asc" }, minisign: { env: "MINISIGN", passwordEnv: "MINISIGN_PASSWORD" } },
    feed: { key: { env: "FEED_KEY" } },
  });
  expect(signing.apple).toEqual({
    key: {
      field: "signing.apple.key",
      place: { kind: "source", source: { env: "APPLE_KEY" } },
      passwordVariable: "APPLE_PASSWORD",
      certificates: { path: join(app.folder, "chain.pem") },
      select: "Developer ID",
    },
    installerKey: {
      field: "signing.apple.installerKey",
      place: { kind: "source", source: { path: join(app.folder, "keys/installer.p12") } },
      passwordVariable: undefined,
      certificates: undefined,
      select: undefined,
    },
    teamId: "ABCDE12345",
    entitlements: { "my-sidecar": join(app.folder, "sidecar.plist") },
    isHardened: true,
    timestampUrl: "http://timestamp.apple.com/ts01",
    notarize: {
      appleApiKey: { env: "APPLE_API_KEY" },
      appleApiKeyId: "ABCDE12345",
      appleApiIssuer: undefined,
      appleId: undefined,
      appleIdPasswordVariable: undefined,
      keychainProfile: undefined,
      keychain: undefined,
      mode: "submit",
      waitMs: 300_000,
      isNative: false,
    },
  });
  // A leaf of three days needs the authority that its service runs.
  expect(signing.windows).toMatchObject({
    timestampUrl: "http://timestamp.acs.microsoft.com",
    description: "Sample App",
    vendorCode: "keep",
  });
  expect(signing.openpgp?.source).toEqual({ path: join(app.folder, "keys/release.asc") });
  expect(signing.minisign).toMatchObject({ source: { env: "MINISIGN" }, passwordVariable: "MINISIGN_PASSWORD" });
  expect(signing.feed?.field).toBe("signing.feed.key");
});

test.each([
  [{ awsKms: { keyId: "alias/x" } }, { kind: "aws-kms", keyId: "alias/x" }],
  [{ googleKms: { keyVersion: "projects/p" } }, { kind: "google-kms", keyVersion: "projects/p" }],
  [
    { azureKeyVault: { vaultUrl: "https://v.example", certificate: "c" } },
    { kind: "azure-key-vault", certificate: "c" },
  ],
  [{ pkcs11: "pkcs11:token=t?module-path=/m.so" }, { kind: "pkcs11", uri: "pkcs11:token=t?module-path=/m.so" }],
  [{ keychain: "Developer ID" }, { kind: "keychain", identity: "Developer ID" }],
])("the key %j is %j", (key, place) => {
  expect(resolve({ apple: { key } }).apple?.key.place).toMatchObject(place);
});

test('timestamp: "none" is the only way to have none', () => {
  expect(resolve({ windows: { key: { env: "K" }, timestamp: "none" } }).windows?.timestampUrl).toBeNull();
  expect(resolve({ windows: { key: { env: "K" } } }).windows?.timestampUrl).toBe("http://timestamp.digicert.com");
  expect(problems({ windows: { key: { env: "K" }, timestamp: "" } })).toMatch(/address of a timestamp server/);
});

test.each([
  [{ apple: { key: {} } }, /signing\.apple\.key does not say where the key is\. do add one of file, env, pkcs11/],
  [{ apple: { key: { file: "a", env: "B" } } }, /signing\.apple\.key says twice where the key is: file and env/],
  [{ windows: { key: { env: "K", certificates: "a", certificatesEnv: "B" } } }, /certificatesEnv is there beside/],
  [{ apple: {} }, /signing\.apple\.key is missing/],
  [{ linux: { openpgp: {} } }, /signing\.linux\.openpgp does not say where the key is\. do add one of file, env/],
  [{ apple: { key: { env: "K" }, teamId: "abc" } }, /Team ID is ten capital letters/],
  [
    { apple: { key: { env: "K" }, entitlements: { bun: "none.plist" } } },
    /entitlements\.bun is "none\.plist", and .* does not exist/,
  ],
  [
    { apple: { key: { env: "K" }, notarise: {} } },
    /signing\.apple\.notarise is not a setting\. do rename it to notarize/,
  ],
  [{ windows: { key: { env: "K" }, url: "javascript:alert(1)" } }, /must be an http or https link/],
  [{ windows: { key: { pkcs11: "pkcs11:token=t" } } }, /has no module-path/],
  [{ windows: { key: { keychain: "Mine" } } }, /windows\.key\.keychain signs for macOS only/],
  [
    { apple: { key: { env: "K" }, timestamp: "none", notarize: {} } },
    /apple\.timestamp turns timestamps off, without which/,
  ],
  [
    { apple: { key: { env: "K" }, hardenedRuntime: false, notarize: {} } },
    /hardenedRuntime turns the hardened runtime off/,
  ],
])("%j is told with its fix", (signing, message) => {
  expect(problems(signing)).toMatch(message);
});

test("a secret in the place of its reference is refused and never shown", () => {
  const base64 = `MIIKXQIBAzCC${"QUJDRA".repeat(40)}`;
  for (const signing of [
    { windows: { key: { env: base64 } } },
    { windows: { key: { file: base64 } } },
    { windows: { key: { env: "KEY", passwordEnv: "hunter2-secret" } } },
    { windows: { key: { pkcs11: "pkcs11:token=t;object=o?module-path=/m.so&pin-value=hunter2-secret" } } },
    { windows: { key: { azureKeyVault: { vaultUrl: "https://u:hunter2-secret@v.example", certificate: "c" } } } },
    { windows: { key: { env: "KEY" }, timestamp: "http://u:hunter2-secret@t.example" } },
    { windows: { key: { env: "KEY", password: "hunter2-secret" } } },
  ]) {
    const text = problems(signing);
    expect(text).not.toBe("");
    expect(text).not.toMatch(/hunter2|QUJDRA/);
  }
});
