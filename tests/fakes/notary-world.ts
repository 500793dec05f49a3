/** Fake time, a team's key and a notary stand-in: the surroundings of one notarization test. */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { Secret } from "../../runtime/base/secret.ts";
import { resolveNotaryCredentials } from "../../signing/apple/notary/credentials.ts";
import type { NotaryAccess } from "../../signing/apple/notary/notarize.ts";
import type { NotarySurroundings } from "../../signing/apple/notary/surroundings.ts";
import { type NotaryFake, startNotaryFake } from "./notary.ts";

export const KEY_ID = "T9GPZ92M7K";
export const ISSUER = "c055ca8c-e5a8-4836-b61d-aa5794eeb3f4";

export interface NotaryWorld {
  readonly fake: NotaryFake;
  readonly access: NotaryAccess;
  readonly around: NotarySurroundings;
  /** PEM of the API key: a secret that no output may hold. */
  readonly keyPem: string;
  /** Every line that was reported, with the fake time of it. */
  readonly lines: { readonly atMs: number; readonly text: string }[];
  readonly sleeps: number[];
  /** Fake milliseconds since the start. */
  readonly elapsedMs: () => number;
  /** Lets fake time pass. */
  readonly advance: (ms: number) => void;
  readonly abort: AbortController;
}

export async function startNotaryWorld(options: { readonly isIndividual?: boolean } = {}): Promise<NotaryWorld> {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const keyPem = privateKey.export({ format: "pem", type: "pkcs8" });
  const issuer = options.isIndividual ? undefined : ISSUER;
  const startedAt = Date.now();
  let elapsed = 0;
  const now = (): Date => new Date(startedAt + elapsed);
  const fake = await startNotaryFake({ publicKey: createPublicKey(privateKey), keyId: KEY_ID, issuer, now });
  const lines: NotaryWorld["lines"] = [];
  const sleeps: number[] = [];
  const abort = new AbortController();
  const around: NotarySurroundings = {
    fetch: globalThis.fetch,
    now,
    sleep: (ms, signal) => {
      signal.throwIfAborted();
      sleeps.push(ms);
      elapsed += ms;
      return Promise.resolve();
    },
    random: () => 0,
    signal: abort.signal,
    report: (text) => void lines.push({ atMs: elapsed, text }),
  };
  const credentials = await resolveNotaryCredentials({
    appleApiKey: new Secret(keyPem),
    appleApiKeyId: KEY_ID,
    appleApiIssuer: issuer,
  });
  return {
    fake,
    access: { credentials, around, urls: { notary: fake.notaryUrl, s3: fake.s3Url } },
    around,
    keyPem,
    lines,
    sleeps,
    elapsedMs: () => elapsed,
    advance: (ms) => void (elapsed += ms),
    abort,
  };
}

/** Everything that must never be seen: the key, every token, every temporary S3 key, the log URL's signature. */
export function secretsOf({ fake, keyPem }: NotaryWorld): readonly string[] {
  const grants = [...fake.notary.grants.entries()].flatMap(([id, { secretAccessKey, sessionToken }]) => [
    id,
    secretAccessKey,
    sessionToken,
  ]);
  const keyLines = keyPem.split("\n").filter((line) => line.length > 20 && !line.startsWith("-"));
  return [...keyLines, ...fake.notary.tokens, ...grants, "log-signature-secret"];
}
