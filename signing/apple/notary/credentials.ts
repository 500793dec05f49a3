/**
 * Who asks Apple to notarize. Option names are those of `@electron/notarize`;
 * of its three strategies only the API key works anywhere, the other two need
 * Apple's `notarytool` on a Mac.
 */
import type { KeyObject } from "node:crypto";
import { basename } from "node:path";
import { ErthError, type Problem, ProblemsError } from "../../../runtime/base/errors.ts";
import { Secret } from "../../../runtime/base/secret.ts";
import { readKeySource } from "../../keys/key-source.ts";
import { type ApiKey, parseApiKey } from "./api-key.ts";

export interface NotaryCredentialOptions {
  /** Path of the `.p8` file; or, as a `Secret`, its text or base64 of its text. */
  readonly appleApiKey?: string | Secret | undefined;
  readonly appleApiKeyId?: string | undefined;
  /** UUID; team keys have one, individual keys have none. */
  readonly appleApiIssuer?: string | undefined;
  readonly appleId?: string | undefined;
  readonly appleIdPassword?: Secret | undefined;
  readonly teamId?: string | undefined;
  readonly keychainProfile?: string | undefined;
  readonly keychain?: string | undefined;
}

export interface ApiKeyCredentials {
  readonly kind: "api-key";
  readonly keyId: string;
  /** Undefined for an individual key. */
  readonly issuer: string | undefined;
  readonly privateKey: KeyObject;
  /** Where the key was read from, for the native path; undefined when its text was given. */
  readonly keyPath: string | undefined;
  /** Damage to the key's text that was mended; for a doctor to tell. */
  readonly warnings: readonly string[];
}

/** Credentials that only Apple's own tool on a Mac can use. */
export type NativeCredentials =
  | { readonly kind: "password"; readonly appleId: string; readonly appleIdPassword: Secret; readonly teamId: string }
  | { readonly kind: "keychain"; readonly keychainProfile: string; readonly keychain: string | undefined };

export type NotaryCredentials = ApiKeyCredentials | NativeCredentials;

const KEY_ID = /^[A-Z0-9]{10}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const KEY_TEXT_NAME = "the key text in appleApiKey";

/** Checks the options and reads the key. Throws a `ProblemsError` with every fault; no message quotes a value that is secret. */
export async function resolveNotaryCredentials(options: NotaryCredentialOptions): Promise<NotaryCredentials> {
  const password = given(options.appleId, options.appleIdPassword);
  const apiKey = given(options.appleApiKey, options.appleApiKeyId, options.appleApiIssuer);
  const keychain = given(options.keychainProfile, options.keychain);
  if (Number(password) + Number(apiKey) + Number(keychain) > 1) {
    throw new ProblemsError([
      {
        code: "NOTARY_CREDENTIALS",
        message:
          "notarization has more than one kind of credentials: an API key, an Apple ID and a keychain profile exclude each other.",
        remedy: "keep appleApiKey, appleApiKeyId and appleApiIssuer, remove the others, then erth doctor signing",
      },
    ]);
  }
  if (apiKey) return await resolveApiKey(options);
  if (password) return resolvePassword(options);
  if (keychain) return resolveKeychain(options);
  throw new ProblemsError([missing("appleApiKey"), missing("appleApiKeyId")]);
}

/** Narrows to what the Notary API takes. Throws `NOTARY_CREDENTIALS_NATIVE` for the rest. */
export function requireApiKey(credentials: NotaryCredentials): ApiKeyCredentials {
  if (credentials.kind === "api-key") return credentials;
  const what = credentials.kind === "password" ? "appleId and appleIdPassword" : "keychainProfile";
  throw new ProblemsError([
    {
      code: "NOTARY_CREDENTIALS_NATIVE",
      message: `${what} only work through Apple's notarytool on a Mac; the Notary API, which works from any host, takes an API key.`,
      remedy:
        "create a team key at appstoreconnect.apple.com/access/integrations/api and set appleApiKey, appleApiKeyId and appleApiIssuer, or notarize on a Mac with native: true",
    },
  ]);
}

async function resolveApiKey(options: NotaryCredentialOptions): Promise<ApiKeyCredentials> {
  const problems: Problem[] = [];
  const { appleApiKey, appleApiKeyId: keyId, appleApiIssuer: issuer } = options;
  const keyPath = typeof appleApiKey === "string" && !isKeyText(appleApiKey) ? appleApiKey : undefined;
  if (!keyId) problems.push(missing("appleApiKeyId"));
  else if (!KEY_ID.test(keyId)) {
    problems.push({
      code: "NOTARY_KEY_ID",
      message: `appleApiKeyId is ${describe(keyId)}; a key ID is 10 capital letters and digits.`,
      remedy: "copy KEY ID from appstoreconnect.apple.com/access/integrations/api, then erth doctor signing",
    });
  }
  if (issuer !== undefined && issuer !== "" && !UUID.test(issuer)) {
    problems.push({
      code: "NOTARY_ISSUER",
      message: `appleApiIssuer is ${describe(issuer)}; an issuer ID is a UUID.`,
      remedy:
        "copy Issuer ID from appstoreconnect.apple.com/access/integrations/api (leave it out for an individual key), then erth doctor signing",
    });
  }
  const named = keyPath === undefined ? undefined : /^AuthKey_([A-Z0-9]{10})\.p8$/.exec(basename(keyPath))?.[1];
  if (named !== undefined && keyId && KEY_ID.test(keyId) && named !== keyId) {
    problems.push({
      code: "NOTARY_KEY_ID",
      message: `appleApiKeyId is ${keyId}, but the key file is ${basename(keyPath ?? "")}.`,
      remedy: `set appleApiKeyId to ${named}, or appleApiKey to AuthKey_${keyId}.p8`,
    });
  }
  const apiKey = await readKey(appleApiKey, problems);
  if (problems.length > 0 || apiKey === undefined) throw new ProblemsError(problems);
  const { key: privateKey, warnings } = apiKey;
  return { kind: "api-key", keyId: keyId ?? "", issuer: issuer || undefined, privateKey, keyPath, warnings };
}

async function readKey(value: string | Secret | undefined, problems: Problem[]): Promise<ApiKey | undefined> {
  if (value === undefined || value === "") {
    problems.push(missing("appleApiKey"));
    return undefined;
  }
  try {
    if (value instanceof Secret) return parseApiKey({ name: KEY_TEXT_NAME, bytes: Buffer.from(value.reveal()) });
    if (isKeyText(value)) return parseApiKey({ name: KEY_TEXT_NAME, bytes: Buffer.from(value) });
    return parseApiKey(await readKeySource({ path: value }));
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems.push(error);
    return undefined;
  }
}

// A key that was put where its path belongs must not be shown as a file name that does not exist.
function isKeyText(value: string): boolean {
  return value.includes("-----") || value.includes("\n") || /^[A-Za-z0-9+/=]{120,}$/.test(value);
}

function resolvePassword(options: NotaryCredentialOptions): NativeCredentials {
  const { appleId, appleIdPassword, teamId } = options;
  if (appleId && appleIdPassword && teamId) return { kind: "password", appleId, appleIdPassword, teamId };
  throw new ProblemsError([
    ...(appleId ? [] : [missing("appleId")]),
    ...(appleIdPassword ? [] : [missing("appleIdPassword")]),
    ...(teamId ? [] : [missing("teamId")]),
  ]);
}

function resolveKeychain({ keychainProfile, keychain }: NotaryCredentialOptions): NativeCredentials {
  if (!keychainProfile) throw new ProblemsError([missing("keychainProfile")]);
  return { kind: "keychain", keychainProfile, keychain: keychain || undefined };
}

function given(...values: readonly (string | Secret | undefined)[]): boolean {
  return values.some((value) => value !== undefined && value !== "");
}

function missing(option: string): Problem {
  return {
    code: "NOTARY_CREDENTIALS",
    message: `notarization has no ${option}.`,
    remedy: `set ${option} in signing.apple.notarize, then erth doctor signing`,
  };
}

// A value in the wrong field may be a secret: only its shape is told.
function describe(value: string): string {
  return `a text of ${value.length} characters`;
}
