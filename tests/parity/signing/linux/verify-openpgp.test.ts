/** What `gpg` signs, with every kind of key and in both forms, our verifier takes; what was changed, neither does. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fileContent } from "../../../../signing/linux/minisign.ts";
import { readOpenPgpPublicKeys } from "../../../../signing/linux/openpgp-public-key.ts";
import { verifyOpenPgp } from "../../../../signing/linux/verify-openpgp.ts";

const hasGpg = spawnSync("gpg", ["--version"]).status === 0;
const USERS = {
  ed: ["ed25519", "sign"],
  rsa: ["rsa2048", "sign"],
  p256: ["nistp256", "sign"],
  p384: ["nistp384", "sign"],
} as const;

describe.skipIf(!hasGpg)("OpenPGP (gpg)", () => {
  const folder = mkdtempSync(join(tmpdir(), "erth-gpg-"));
  const home = join(folder, "home");
  const file = join(folder, "Notes.deb");
  const gpg = (...args: readonly string[]): Buffer =>
    execFileSync(
      "gpg",
      ["--homedir", home, "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", ...args],
      { stdio: ["ignore", "pipe", "pipe"] },
    );

  beforeAll(() => {
    mkdirSync(home, { mode: 0o700 });
    for (const [user, [algorithm, usage]] of Object.entries(USERS)) {
      gpg("--quick-generate-key", user, algorithm, usage, "never");
    }
    gpg("--faked-system-time", "20200101T000000", "--quick-generate-key", "ended", "ed25519", "sign", "1y");
    // A primary key that only certifies, with a subkey that signs.
    gpg("--quick-generate-key", "split", "ed25519", "cert", "never");
    const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(gpg("--with-colons", "--list-keys", "=split").toString())?.[1];
    gpg("--quick-add-key", fingerprint ?? "", "rsa2048", "sign", "2y");
    writeFileSync(file, Buffer.alloc(2_500_000, "erth"));
  });
  afterAll(() => {
    spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    rmSync(folder, { recursive: true, force: true });
  });

  const sign = (user: string, ...more: readonly string[]): Buffer => {
    gpg("--yes", "--local-user", `=${user}`, "--output", join(folder, "out"), ...more, "--detach-sign", file);
    return readFileSync(join(folder, "out"));
  };
  const keysOf = async (user: string, armor = true) =>
    await readOpenPgpPublicKeys(gpg(...(armor ? ["--armor"] : []), "--export", `=${user}`), "key.asc");
  const check = async (signature: Uint8Array, user: string, content: AsyncIterable<Uint8Array> = fileContent(file)) => {
    const keys = await keysOf(user);
    return await verifyOpenPgp({ content, file: signature, keys, what: "Notes.deb.asc", now: new Date() });
  };

  test.for([...Object.keys(USERS), "split"])("a signature by %s holds, armored and not", async (user) => {
    for (const form of [["--armor"], []]) {
      const { problems, signatures } = await check(sign(user, ...form), user);
      expect(problems).toEqual([]);
      expect(signatures).toMatchObject([{ signer: user, holds: true }]);
    }
    expect(await keysOf(user, false)).toHaveLength(1);
  });

  test.for(Object.keys(USERS))("every changed byte of a signature by %s is reported", async (user) => {
    writeFileSync(file, "content");
    const signature = sign(user);
    expect((await check(signature, user)).problems).toEqual([]);
    const keys = await keysOf(user);
    const unreported: number[] = [];
    for (let at = 0; at < signature.length; at += 1) {
      const changed = Buffer.from(signature);
      changed[at]! ^= 1 << (at % 8);
      const request = { content: fileContent(file), file: changed, keys, what: "changed", now: new Date() };
      const { problems } = await verifyOpenPgp(request);
      if (problems.length === 0) unreported.push(at);
    }
    // The kind of the one subpacket that is not hashed: without that hint, the hashed one names the key.
    expect(unreported).toHaveLength(1);
    expect(signature[unreported[0]!]).toBe(16);
  });

  test("other files, other keys, weak digests and texts are told apart", async () => {
    const codesOf = async (...args: Parameters<typeof check>) =>
      (await check(...args)).problems.map(({ code }) => code);
    expect(await codesOf(sign("ed"), "ed", content("another file"))).toEqual(["OPENPGP_SIGNATURE"]);
    expect(await codesOf(sign("ed"), "rsa")).toEqual(["SIGNATURE_KEY_UNKNOWN"]);
    expect(await codesOf(sign("rsa", "--digest-algo", "SHA1"), "rsa")).toEqual(["OPENPGP_DIGEST"]);
    expect(await codesOf(sign("rsa", "--textmode"), "rsa")).toEqual(["OPENPGP_SIGNATURE"]);
    const late = sign("ended", "--ignore-time-conflict", "--faked-system-time", "20200601T000000");
    expect(await codesOf(late, "ended")).toEqual([]);
    const both = Buffer.concat([sign("ed"), sign("rsa")]);
    expect(await codesOf(both, "ed")).toEqual(["SIGNATURE_KEY_UNKNOWN"]);
  });
});

async function* content(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text));
}
