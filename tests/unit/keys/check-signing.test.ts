import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { resolveConfig } from "../../../build/config/resolve.ts";
import type { Check } from "../../../build/keys/check.ts";
import { checkAppKeys, checkInstallerKey, checkSigning } from "../../../build/keys/check-signing.ts";
import type { KeyWorld } from "../../../build/keys/key-world.ts";
import { openKeyring } from "../../../build/keys/keyring.ts";
import { encodeFeedKey, generateFeedKey } from "../../../signing/feed/ed25519.ts";
import { encodeMinisignSecretKey, generateMinisignKey } from "../../../signing/linux/minisign-key.ts";
import { appleAuthority, type Identity, issue, TEAM_ID, windowsAuthority } from "../../fakes/certificate-authority.ts";
import { fakeKeyWorld, NOW } from "../../fakes/key-world.ts";
import { ISSUER, KEY_ID, type NotaryWorld, secretsOf, startNotaryWorld } from "../../fakes/notary-world.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../../fakes/timestamp-authority.ts";
import { sampleApp, sampleConfig } from "../config/sample.ts";
import { openPgpKeyText } from "./openpgp-key.ts";

const app = sampleApp();
const apple = appleAuthority();
const windows = windowsAuthority();
const PASSWORD = "hunter2-correct";

let stamps: TimestampAuthority;
let notary: NotaryWorld;

beforeEach(async () => {
  stamps = await startTimestampAuthority({ time: NOW });
  notary = await startNotaryWorld();
});
afterEach(async () => {
  await stamps.close();
  await notary.fake.close();
});

/** An encrypted key with its chain, as a CI secret holds it. */
function material({ key, chainPem }: Identity): string {
  const pem = key.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: PASSWORD });
  return pem + chainPem;
}

const CODE_KEY = { env: "CODE_KEY", passwordEnv: "CODE_PASSWORD" };

function keyringOf(signing: object, env: KeyWorld["env"], change: Partial<KeyWorld> = {}) {
  const { fake } = notary;
  const appleUrls = { notary: fake.notaryUrl, s3: fake.s3Url, tickets: fake.ticketUrl };
  const config = resolveConfig({ ...sampleConfig(), signing }, app.file);
  return openKeyring(config.signing, fakeKeyWorld(env, { appleUrls, ...change }));
}

/** Everything that was found, as text; fails where a secret shows in it. */
async function told(checks: Promise<readonly Check[]>, env: KeyWorld["env"]): Promise<string> {
  const text = (await checks)
    .map(({ what, facts, warnings, problems }) =>
      [
        what,
        ...facts.map((fact) => `  ${fact}`),
        ...warnings.map((warning) => `  warning: ${warning}`),
        ...problems.map(({ code, message, remedy }) => `  ${code}: ${message} do ${remedy}`),
      ].join("\n"),
    )
    .join("\n");
  const secrets = [PASSWORD, ...secretsOf(notary), ...Object.values(env).map((value) => value ?? "")];
  for (const secret of secrets) if (secret !== "") expect(text).not.toContain(secret);
  expect(text).not.toMatch(/MII[A-Za-z0-9+/]{20}/);
  return text;
}

describe("everything configured and right", () => {
  test("each key is named with its kind, chain and end, and each service answers", async () => {
    const env = {
      CODE_KEY: material(apple.application),
      INSTALLER_KEY: apple.installer.keyPem + apple.installer.chainPem,
      WINDOWS_KEY: material(windows.extendedValidation),
      CODE_PASSWORD: PASSWORD,
      API_KEY: notary.keyPem,
      OPENPGP: await openPgpKeyText(),
      MINISIGN: (await encodeMinisignSecretKey(generateMinisignKey(), "minisign")).reveal(),
      FEED: encodeFeedKey(generateFeedKey()).reveal(),
    };
    const keyring = keyringOf(
      {
        apple: {
          key: CODE_KEY,
          installerKey: { env: "INSTALLER_KEY" },
          teamId: TEAM_ID,
          timestamp: stamps.url,
          notarize: { appleApiKeyEnv: "API_KEY", appleApiKeyId: KEY_ID, appleApiIssuer: ISSUER },
        },
        windows: { key: { env: "WINDOWS_KEY", passwordEnv: "CODE_PASSWORD" }, timestamp: stamps.url },
        linux: { openpgp: { env: "OPENPGP" }, minisign: { env: "MINISIGN" } },
        feed: { key: { env: "FEED" } },
      },
      env,
      { now: () => new Date(notary.around.now()) },
    );
    const text = await told(checkSigning(keyring), env);
    expect(text).not.toMatch(/do /);
    expect(text).toMatch(
      /Developer ID Application: Erth Test \(ERTH123456\)": Developer ID Application, team ERTH123456/,
    );
    expect(text).toMatch(/chain: CN=Erth Test Developer ID CA.* ← CN=Erth Test Apple Root CA/);
    expect(text).toMatch(/signing\.apple\.installerKey\n.*\n.*Developer ID Installer, team/);
    expect(text).toMatch(/"Erth Test Publisher": code signing, EV, rsa \d+, until 2049-12-31/);
    expect(text).toMatch(/API key T9GPZ92M7K \(team key\) is accepted; 0 submissions/);
    expect(text.match(/test signature made/g)).toHaveLength(5);
    expect(text).toMatch(/timestamp of 2026-06-01T12:00:00\.000Z by Erth Test Time Authority/);
    expect(text).toMatch(/OpenPGP key [0-9A-F]{40} of Erth Test/);
    expect(text).toMatch(/Ed25519 key [0-9a-f]{64}/);
    // One login and one timestamp for each server setting, whoever asks.
    await checkSigning(keyring);
    expect(stamps.requests).toHaveLength(2);
    await keyring.close();
  });
});

describe("what is wrong is named, with its fix", () => {
  const other = windows.extendedValidation;
  const withoutIntermediate = apple.application.keyPem + apple.application.certificatePem;
  test.each<[string, "apple" | "windows", string, RegExp]>([
    ["a wrong password", "apple", material(apple.application), /KEY_PASSWORD: .*does not open/],
    ["another certificate's key", "windows", other.keyPem + windows.leaf.chainPem, /KEY_MISMATCH: .*belongs to none/],
    ["an expired certificate", "apple", material(apple.expired), /CERTIFICATE_EXPIRED: .* expired on 2021-01-01/],
    ["one for later", "apple", material(apple.notYetValid), /CERTIFICATE_NOT_YET_VALID: .*valid from 2048-01-01/],
    [
      "an installer's",
      "apple",
      material(apple.installer),
      /CERTIFICATE_KIND: .*is for Developer ID Installer, where one for Developer ID Application/,
    ],
    ["a web server's", "windows", material(windows.server), /CERTIFICATE_KIND: .*neither code nor installers/],
    ["Apple's for Windows", "windows", material(apple.application), /CERTIFICATE_KIND: .*where one for code signing/],
    ["an expired one for Windows", "windows", material(windows.expired), /CERTIFICATE_EXPIRED/],
    [
      "a missing intermediate",
      "apple",
      withoutIntermediate,
      /CERTIFICATE_CHAIN_INCOMPLETE: .*Erth Test Developer ID CA/,
    ],
    ["a certificate alone", "apple", apple.application.chainPem, /KEY_KIND: .*no private key/],
    ["half of a key", "apple", material(apple.application).slice(0, 400), /KEY_DAMAGED: .*cut short/],
  ])("%s", async (name, os, key, message) => {
    const env = { CODE_KEY: key, CODE_PASSWORD: name === "a wrong password" ? "hunter2-wrong" : PASSWORD };
    const keyring = keyringOf({ [os]: { key: CODE_KEY, timestamp: stamps.url } }, env);
    const text = await told(checkAppKeys(keyring, os === "apple" ? "darwin" : "win32"), env);
    expect(text).toMatch(message);
    expect(text).toMatch(/ do .+/);
  });

  test("a certificate that ends soon is a warning, thirty days ahead", async () => {
    const soon = (days: number): Identity =>
      issue(
        {
          commonName: "Developer ID Application: Soon (ERTH123456)",
          organizationalUnit: TEAM_ID,
          key: "leaf",
          serial: 77,
          notAfter: new Date(NOW.getTime() + days * 86_400_000),
          extensions: [{ oid: "1.2.840.113635.100.6.1.13", value: Uint8Array.of(5, 0) }],
        },
        apple.intermediate,
      );
    const look = async (days: number): Promise<string> => {
      const env = { CODE_KEY: material(soon(days)), CODE_PASSWORD: PASSWORD };
      return told(checkAppKeys(keyringOf({ apple: { key: CODE_KEY, timestamp: stamps.url } }, env), "darwin"), env);
    };
    expect(await look(30)).toMatch(/warning: .*expires in 30 days, on 2026-07-01: renew it now/);
    expect(await look(31)).not.toMatch(/warning|do /);
  });

  test("another team than configured", async () => {
    const env = { CODE_KEY: material(apple.application), CODE_PASSWORD: PASSWORD };
    const keyring = keyringOf({ apple: { key: CODE_KEY, timestamp: stamps.url, teamId: "OTHERTEAM1" } }, env);
    expect(await told(checkAppKeys(keyring, "darwin"), env)).toMatch(/KEY_TEAM: .* team ERTH123456, and .*OTHERTEAM1/);
  });

  test("Apple Development signs, with a warning, unless Apple is to notarize it", async () => {
    const env = { CODE_KEY: material(apple.development), CODE_PASSWORD: PASSWORD, API_KEY: notary.keyPem };
    const look = (more: object) =>
      told(checkAppKeys(keyringOf({ apple: { key: CODE_KEY, timestamp: stamps.url, ...more } }, env), "darwin"), env);
    expect(await look({})).toMatch(/warning: .*is no Developer ID \(Apple Development\): Gatekeeper/);
    const notarize = { appleApiKeyEnv: "API_KEY", appleApiKeyId: KEY_ID };
    expect(await look({ notarize })).toMatch(/CERTIFICATE_KIND/);
  });

  test("an application's certificate where an installer's belongs", async () => {
    const env = { CODE_KEY: material(apple.application), CODE_PASSWORD: PASSWORD };
    const keyring = keyringOf({ apple: { key: CODE_KEY, installerKey: CODE_KEY } }, env);
    expect(await told(checkInstallerKey(keyring), env)).toMatch(/installerKey[\s\S]*CERTIFICATE_KIND/);
  });

  test("a timestamp server that is down is a fault after another attempt, never a silence", async () => {
    stamps.fail({ kind: "status", status: 503 }, { kind: "status", status: 503 });
    const env = { CODE_KEY: material(windows.leaf), CODE_PASSWORD: PASSWORD };
    const keyring = keyringOf({ windows: { key: CODE_KEY, timestamp: stamps.url } }, env);
    const text = await told(checkAppKeys(keyring, "win32"), env);
    expect(text).toMatch(/signing\.windows\.timestamp\n {2}TIMESTAMP_UNREACHABLE: .*HTTP 503; HTTP 503/);
  });

  test("a clock that is wrong", async () => {
    const env = { CODE_KEY: material(windows.leaf), CODE_PASSWORD: PASSWORD };
    const now = () => new Date(NOW.getTime() + 3_600_000);
    const keyring = keyringOf({ windows: { key: CODE_KEY, timestamp: stamps.url } }, env, { now });
    expect(await told(checkAppKeys(keyring, "win32"), env)).toMatch(
      /warning: This machine's clock is 60 minutes ahead/,
    );
  });

  test("a notary key that Apple does not accept, one that is no key, and one that is not there", async () => {
    const look = async (key: string, id: string): Promise<string> => {
      const env = { CODE_KEY: material(apple.application), CODE_PASSWORD: PASSWORD, API_KEY: key };
      const notarize = { appleApiKeyEnv: "API_KEY", appleApiKeyId: id, appleApiIssuer: ISSUER };
      const keyring = keyringOf({ apple: { key: CODE_KEY, timestamp: stamps.url, notarize } }, env);
      return told(checkSigning(keyring), env);
    };
    expect(await look(notary.keyPem, "WRONGKEY12")).toMatch(/NOTARY_UNAUTHORIZED|NOTARY_CLOCK/);
    expect(await look("not a key", KEY_ID)).toMatch(/KEY_DAMAGED/);
    expect(await look("", KEY_ID)).toMatch(/KEY_NOT_FOUND: The variable API_KEY is empty/);
  });

  test("a notary that is down does not hold up the build", async () => {
    notary.fake.fail("list", ...Array.from({ length: 9 }, () => ({ kind: "status", status: 503 }) as const));
    const env = { CODE_KEY: material(apple.application), CODE_PASSWORD: PASSWORD, API_KEY: notary.keyPem };
    const notarize = { appleApiKeyEnv: "API_KEY", appleApiKeyId: KEY_ID, appleApiIssuer: ISSUER };
    const keyring = keyringOf({ apple: { key: CODE_KEY, timestamp: stamps.url, notarize } }, env);
    expect(await told(checkSigning(keyring), env)).toMatch(/NOTARY_UNREACHABLE: notary list failed 2 times/);
    expect(notary.fake.seen).toHaveLength(2);
  });

  test("a keychain identity away from a Mac", async () => {
    const keyring = keyringOf({ apple: { key: { keychain: "Developer ID" }, timestamp: stamps.url } }, {});
    expect(await told(checkAppKeys(keyring, "darwin"), {})).toMatch(/KEY_KEYCHAIN_ELSEWHERE/);
  });
});
