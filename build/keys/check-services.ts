/** Asks the services that signing depends on for what it will ask of them: a timestamp, the team's list of submissions. */
import { createHash, randomBytes } from "node:crypto";
import { certificateName } from "../../signing/cms/certificate.ts";
import { parseTimestampToken, requestTimestamp } from "../../signing/cms/timestamp.ts";
import { createNotaryClient } from "../../signing/apple/notary/client.ts";
import { type Check, checked } from "./check.ts";
import { notarySurroundings } from "./key-world.ts";
import type { Keyring } from "./keyring.ts";

/** Enough to tell a hiccup from a server that is down, without holding up a build. */
const PATIENCE = { delaysMs: [1000], attemptTimeoutMs: 15_000 };
const NOTARY_ATTEMPTS = 2;
/** An authority's clock is right; a machine that is further off gets its tokens and logins refused. */
const MAX_SKEW_MS = 5 * 60_000;

/** A real timestamp over random bytes, checked whole. `field` is where the server is configured. */
export function checkTimestampServer(keyring: Keyring, field: string, url: string): Promise<Check> {
  const { fetch, now, signal } = keyring.world;
  return checked(field, async ({ fact, warn }) => {
    const sha256 = createHash("sha256").update(randomBytes(32)).digest();
    const token = parseTimestampToken(await requestTimestamp({ url, sha256, fetch, signal, patience: PATIENCE }));
    const authority = token.certificate === undefined ? "an unnamed authority" : certificateName(token.certificate);
    fact(`timestamp of ${token.time.toISOString()} by ${authority}, from ${url}`);
    const skewMs = now().getTime() - token.time.getTime();
    if (Math.abs(skewMs) > MAX_SKEW_MS) {
      const way = skewMs > 0 ? "ahead of" : "behind";
      warn(
        `This machine's clock is ${Math.round(Math.abs(skewMs) / 60_000)} minutes ${way} ${authority}'s: set it right.`,
      );
    }
  });
}

/** Logs in to Apple's notary with the configured key, and reads the list of submissions. */
export function checkNotary(keyring: Keyring): Promise<Check> {
  return checked("signing.apple.notarize", async ({ fact, warn }) => {
    const credentials = await keyring.notary();
    if (credentials === undefined) return;
    if (credentials.kind !== "api-key") {
      const how = credentials.kind === "password" ? `Apple ID ${credentials.appleId}` : "a keychain profile";
      fact(`${how}, which only Apple's notarytool on a Mac can use; not tried`);
      return;
    }
    warn(...credentials.warnings);
    const { world } = keyring;
    // What is tried again is told by the fault at the end.
    const around = notarySurroundings(world, () => undefined, NOTARY_ATTEMPTS);
    const impatient = { ...around, sleep: (_ms: number, until: AbortSignal) => around.sleep(1000, until) };
    const client = createNotaryClient({ credentials, around: impatient, url: world.appleUrls?.notary });
    const submissions = await client.list();
    const kind = credentials.issuer === undefined ? "individual key" : "team key";
    fact(`API key ${credentials.keyId} (${kind}) is accepted; ${submissions.length} submissions in Apple's list`);
  });
}
