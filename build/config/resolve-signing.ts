/** The `signing` section: what the schema alone cannot see in it, and its defaults. */
import { isAbsolute } from "node:path";
import { APPLE_TIMESTAMP_URL } from "../../signing/apple/apple-cms.ts";
import type { KeySource } from "../../signing/keys/key-source.ts";
import type { ConfigProblem, FieldPath, Report } from "./config-problem.ts";
import { fileProblem } from "./files.ts";
import {
  NO_SIGNING,
  type AppleSigning,
  type CodeKeyReference,
  type KeyPlace,
  type NotarizeSettings,
  type ResolvedSigning,
  type TextKeyReference,
  type WindowsSigning,
} from "./resolved-signing.ts";
import { KEY_PLACES, TEXT_KEY_PLACES, type UserCodeKey, type UserSigning, type UserTextKey } from "./signing-schema.ts";

const DEFAULT_WAIT_MINUTES = 120;
const WINDOWS_TIMESTAMP_URL = "http://timestamp.digicert.com";
/** Azure's leaves live for three days, and its own authority is the one that its documentation names. */
const AZURE_TIMESTAMP_URL = "http://timestamp.acs.microsoft.com";

/** Keys that name no place or several, settings that exclude each other, property lists that are not there. */
export function signingProblems(user: unknown, root: string, report: Report): readonly ConfigProblem[] {
  const { apple, windows, linux, feed } = record(user);
  const problems: (ConfigProblem | undefined)[] = [
    ...codeKeyProblems(["signing", "apple", "key"], record(apple)["key"], report),
    ...codeKeyProblems(["signing", "apple", "installerKey"], record(apple)["installerKey"], report),
    ...codeKeyProblems(["signing", "windows", "key"], record(windows)["key"], report),
    ...placeProblems(["signing", "linux", "openpgp"], record(linux)["openpgp"], TEXT_KEY_PLACES, report),
    ...placeProblems(["signing", "linux", "minisign"], record(linux)["minisign"], TEXT_KEY_PLACES, report),
    ...placeProblems(["signing", "feed", "key"], record(feed)["key"], TEXT_KEY_PLACES, report),
  ];
  const notarize = record(record(apple)["notarize"]);
  problems.push(...bothProblems(["signing", "apple", "notarize"], notarize, "appleApiKey", "appleApiKeyEnv", report));
  if (record(record(windows)["key"])["keychain"] !== undefined) {
    const field = ["signing", "windows", "key", "keychain"];
    problems.push(
      report(field, "signs for macOS only", "name another place of the key: file, env, pkcs11 or a service"),
    );
  }
  if (record(apple)["notarize"] !== undefined) problems.push(...notarizableProblems(record(apple), report));
  for (const [program, path] of Object.entries(record(record(apple)["entitlements"]))) {
    problems.push(fileProblem(root, ["signing", "apple", "entitlements", program], path, report));
  }
  return problems.filter((problem) => problem !== undefined);
}

/** What is fine alone, and what Apple refuses to notarize. */
function notarizableProblems(apple: Readonly<Record<string, unknown>>, report: Report): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const refuse = (key: string, reason: string): void => {
    problems.push(
      report(
        ["signing", "apple", key],
        `${reason}, without which Apple notarizes nothing`,
        `remove ${key}, or notarize`,
      ),
    );
  };
  if (apple["timestamp"] === "none") refuse("timestamp", "turns timestamps off");
  if (apple["hardenedRuntime"] === false) refuse("hardenedRuntime", "turns the hardened runtime off");
  return problems;
}

function codeKeyProblems(field: FieldPath, key: unknown, report: Report): readonly ConfigProblem[] {
  return [
    ...placeProblems(field, key, KEY_PLACES, report),
    ...bothProblems(field, record(key), "certificates", "certificatesEnv", report),
  ];
}

function placeProblems(
  field: FieldPath,
  key: unknown,
  places: readonly string[],
  report: Report,
): readonly ConfigProblem[] {
  if (typeof key !== "object" || key === null) return [];
  const named = places.filter((place) => record(key)[place] !== undefined);
  if (named.length === 1) return [];
  const reason =
    named.length === 0 ? "does not say where the key is" : `says twice where the key is: ${named.join(" and ")}`;
  return [
    report(field, reason, named.length === 0 ? `add one of ${places.join(", ")}` : `keep one of ${named.join(", ")}`),
  ];
}

function bothProblems(
  field: FieldPath,
  owner: Readonly<Record<string, unknown>>,
  first: string,
  second: string,
  report: Report,
): readonly ConfigProblem[] {
  if (owner[first] === undefined || owner[second] === undefined) return [];
  return [report([...field, second], `is there beside ${first}`, `remove ${first} or ${second}`)];
}

/** The section with its defaults. `at` makes a path of the config absolute. */
export function resolveSigning(
  signing: UserSigning | undefined,
  app: { readonly name: string },
  at: (path: string) => string,
): ResolvedSigning {
  if (signing === undefined) return NO_SIGNING;
  const { apple, windows, linux, feed } = signing;
  return {
    apple: apple && resolveApple(apple, at),
    windows: windows && resolveWindows(windows, app, at),
    openpgp: linux?.openpgp && textKey("signing.linux.openpgp", linux.openpgp, at),
    minisign: linux?.minisign && textKey("signing.linux.minisign", linux.minisign, at),
    feed: feed && textKey("signing.feed.key", feed.key, at),
  };
}

function resolveApple(apple: NonNullable<UserSigning["apple"]>, at: (path: string) => string): AppleSigning {
  return {
    key: codeKey("signing.apple.key", apple.key, at),
    installerKey: apple.installerKey && codeKey("signing.apple.installerKey", apple.installerKey, at),
    teamId: apple.teamId,
    entitlements: Object.fromEntries(
      Object.entries(apple.entitlements ?? {}).map(([program, path]) => [program, at(path)]),
    ),
    isHardened: apple.hardenedRuntime ?? true,
    timestampUrl: timestampUrl(apple.timestamp, APPLE_TIMESTAMP_URL),
    notarize: apple.notarize && resolveNotarize(apple.notarize, at),
  };
}

function resolveNotarize(
  notarize: NonNullable<NonNullable<UserSigning["apple"]>["notarize"]>,
  at: (path: string) => string,
): NotarizeSettings {
  const { appleApiKey, appleApiKeyEnv, keychain } = notarize;
  return {
    appleApiKey: sourceOf(appleApiKey, appleApiKeyEnv, at),
    appleApiKeyId: notarize.appleApiKeyId,
    appleApiIssuer: notarize.appleApiIssuer,
    appleId: notarize.appleId,
    appleIdPasswordVariable: notarize.appleIdPasswordEnv,
    keychainProfile: notarize.keychainProfile,
    // A bare name is one of the user's own keychains, which Apple's tools find.
    keychain: keychain !== undefined && (isAbsolute(keychain) || keychain.includes("/")) ? at(keychain) : keychain,
    mode: notarize.mode ?? "wait",
    waitMs: (notarize.waitMinutes ?? DEFAULT_WAIT_MINUTES) * 60_000,
    isNative: notarize.native ?? false,
  };
}

function resolveWindows(
  windows: NonNullable<UserSigning["windows"]>,
  app: { readonly name: string },
  at: (path: string) => string,
): WindowsSigning {
  const key = codeKey("signing.windows.key", windows.key, at);
  const isAzure = key.place.kind === "azure-artifact-signing";
  return {
    key,
    timestampUrl: timestampUrl(windows.timestamp, isAzure ? AZURE_TIMESTAMP_URL : WINDOWS_TIMESTAMP_URL),
    description: windows.description ?? app.name,
    url: windows.url,
    vendorCode: windows.vendorCode ?? "keep",
  };
}

function timestampUrl(setting: string | undefined, fallback: string): string | null {
  return setting === "none" ? null : (setting ?? fallback);
}

function codeKey(field: string, key: UserCodeKey, at: (path: string) => string): CodeKeyReference {
  return {
    field,
    place: placeOf(field, key, at),
    passwordVariable: key.passwordEnv,
    certificates: sourceOf(key.certificates, key.certificatesEnv, at),
    select: key.select,
  };
}

function placeOf(field: string, key: UserCodeKey, at: (path: string) => string): KeyPlace {
  const source = sourceOf(key.file, key.env, at);
  if (source !== undefined) return { kind: "source", source };
  if (key.pkcs11 !== undefined) return { kind: "pkcs11", uri: key.pkcs11 };
  if (key.awsKms) {
    const { keyId, region, endpoint } = key.awsKms;
    return { kind: "aws-kms", keyId, region, endpoint };
  }
  if (key.googleKms)
    return { kind: "google-kms", keyVersion: key.googleKms.keyVersion, endpoint: key.googleKms.endpoint };
  if (key.azureKeyVault) {
    const { vaultUrl, certificate, certificateVersion } = key.azureKeyVault;
    return { kind: "azure-key-vault", vaultUrl, certificate, certificateVersion };
  }
  if (key.azureArtifactSigning) return { kind: "azure-artifact-signing", ...key.azureArtifactSigning };
  if (key.keychain !== undefined) return { kind: "keychain", identity: key.keychain };
  throw new Error(`${field} was let through without a place`);
}

function textKey(field: string, key: UserTextKey, at: (path: string) => string): TextKeyReference {
  const source = sourceOf(key.file, key.env, at);
  if (source === undefined) throw new Error(`${field} was let through without a place`);
  return { field, source, passwordVariable: key.passwordEnv };
}

function sourceOf(
  path: string | undefined,
  variable: string | undefined,
  at: (path: string) => string,
): KeySource | undefined {
  if (path !== undefined) return { path: at(path) };
  return variable === undefined ? undefined : { env: variable };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
