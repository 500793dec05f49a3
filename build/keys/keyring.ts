/**
 * The keys of one run: each is opened once, when it is first needed, whoever
 * asks. A fault is thrown to everyone who asks, and nothing of a key is printed.
 */
import type { NotaryCredentials } from "../../signing/apple/notary/credentials.ts";
import type { FeedSigningKey } from "../../signing/feed/ed25519.ts";
import type { MinisignSecretKey } from "../../signing/linux/minisign-key.ts";
import type { OpenPgpKey } from "../../signing/linux/openpgp-key.ts";
import type { CodeKeyReference, ResolvedSigning } from "../config/resolved-signing.ts";
import type { KeyWorld } from "./key-world.ts";
import { openNotaryLogin } from "./notary-login.ts";
import { type CodeKey, openCodeKey } from "./open-code-key.ts";
import { openFeedKey, openMinisignKey, openOpenPgpKey } from "./open-text-key.ts";

export interface Keyring {
  readonly signing: ResolvedSigning;
  readonly world: KeyWorld;
  /** A code-signing key that is no keychain identity. */
  codeKey(reference: CodeKeyReference): Promise<CodeKey>;
  /** Undefined where none is configured; so below. */
  openPgp(): Promise<OpenPgpKey | undefined>;
  minisign(): Promise<MinisignSecretKey | undefined>;
  feed(): Promise<FeedSigningKey | undefined>;
  notary(): Promise<NotaryCredentials | undefined>;
  /** Does something once in this run, however many stages ask for it. */
  once<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
  /** Logs out of tokens. */
  close(): Promise<void>;
}

/** The keys that the config names; none is opened yet. */
export function openKeyring(signing: ResolvedSigning, world: KeyWorld): Keyring {
  const done = new Map<string, Promise<unknown>>();
  const opened: Promise<CodeKey>[] = [];
  const once = <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    const before = done.get(name);
    // Each name stands for one piece of work, and so for one type.
    if (before !== undefined) return before as Promise<Result>;
    const result = work();
    done.set(name, result);
    return result;
  };
  const { openpgp, minisign, feed, apple } = signing;
  return {
    signing,
    world,
    codeKey: (reference) =>
      once(reference.field, () => {
        const key = openCodeKey(reference, world);
        opened.push(key);
        return key;
      }),
    openPgp: () => once("openpgp", async () => openpgp && (await openOpenPgpKey(openpgp, world))),
    minisign: () => once("minisign", async () => minisign && (await openMinisignKey(minisign, world))),
    feed: () => once("feed", async () => feed && (await openFeedKey(feed, world))),
    notary: () =>
      once("notary", async () => apple?.notarize && (await openNotaryLogin(apple.notarize, apple.teamId, world))),
    once,
    close: async () => {
      const keys = await Promise.allSettled(opened);
      for (const key of keys) if (key.status === "fulfilled") await key.value.close();
    },
  };
}
