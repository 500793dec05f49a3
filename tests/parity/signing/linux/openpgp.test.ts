/** GnuPG makes the keys in all the ways that people keep them, and judges what we sign with them. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { Secret } from "../../../../runtime/base/secret.ts";
import { fileContent } from "../../../../signing/linux/minisign.ts";
import { readOpenPgpKey } from "../../../../signing/linux/openpgp-key.ts";
import { armorSignature, signCleartext, signOpenPgp } from "../../../../signing/linux/openpgp.ts";

const hasGpg = spawnSync("gpg", ["--version"]).status === 0 && spawnSync("gpgv", ["--version"]).status === 0;
const PASSPHRASE = "pässphrase";
const RELEASE =
  "Origin: Notes\nSuite: stable\n- a line with a dash\ntrailing spaces   \nDate: Mon, 01 Jun 2026 12:00:00 UTC\n";

describe.skipIf(!hasGpg)("OpenPGP (gpg, gpgv)", () => {
  let folder = "";
  let home = "";
  /** After the keys were made. */
  let now = new Date();

  const gpg = (args: readonly string[], input = ""): Buffer =>
    execFileSync("gpg", ["--homedir", home, "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", ...args], {
      input,
      stdio: "pipe",
    });
  const generate = (user: string, algorithm: string, usage: string, expire = "never", passphrase = ""): string => {
    gpg(["--passphrase", passphrase, "--quick-generate-key", user, algorithm, usage, expire]);
    const listing = gpg(["--with-colons", "--list-keys", `=${user}`]).toString();
    return /^fpr:+([0-9A-F]{40}):/m.exec(listing)?.[1] ?? "";
  };
  const exported = (user: string, flag = "--export-secret-keys", passphrase = ""): Secret =>
    new Secret(gpg(["--passphrase", passphrase, "--armor", flag, `=${user}`]).toString());
  /** gpgv's verdict with the public key that goes to users; the status lines of a good signature, or undefined. */
  const judge = (publicKey: string, signature: string | Uint8Array, file?: string): string | undefined => {
    const keyring = join(folder, `${createHash("sha256").update(publicKey).digest("hex")}.gpg`);
    if (!existsSync(keyring)) writeFileSync(keyring, execFileSync("gpg", ["--dearmor"], { input: publicKey }));
    const path = join(folder, "signature");
    writeFileSync(path, signature);
    const args = ["--status-fd", "1", "--keyring", keyring, path, ...(file === undefined ? [] : [file])];
    const { status, stdout } = spawnSync("gpgv", args, { encoding: "utf8" });
    return status === 0 && stdout.includes("GOODSIG") ? stdout : undefined;
  };
  const fault = async (work: Promise<unknown>): Promise<ErthError> => {
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    if (!(error instanceof ErthError)) throw new Error(`expected an ErthError, got ${String(error)}`);
    expect(`${error.stack} ${error.remedy}`).not.toContain(PASSPHRASE);
    return error;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "erth-pgp-"));
    home = join(folder, "home");
    mkdirSync(home, { mode: 0o700 });
    generate("ed", "ed25519", "sign");
    generate("locked", "rsa2048", "sign", "never", PASSPHRASE);
    generate("p256", "nistp256", "sign");
    // A primary key that only certifies, with a subkey that signs.
    const certifier = generate("split", "ed25519", "cert");
    gpg(["--passphrase", "", "--quick-add-key", certifier, "rsa2048", "sign", "2y"]);
    generate("only-certifies", "ed25519", "cert");
    gpg([
      "--faked-system-time",
      "20200101T000000",
      "--passphrase",
      "",
      "--quick-generate-key",
      "ended",
      "ed25519",
      "sign",
      "1y",
    ]);
    now = new Date(Date.now() + 1000);
  });
  afterAll(async () => {
    spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    ["ed", "--export-secret-keys", undefined],
    ["locked", "--export-secret-keys", PASSPHRASE],
    ["split", "--export-secret-keys", undefined],
    // The primary key stays offline; CI gets the subkey alone.
    ["split", "--export-secret-subkeys", undefined],
  ] as const)(
    "the key %s (%s) signs files and InRelease; gpgv agrees, and refuses what was changed",
    async (user, flag, passphrase) => {
      const secret = passphrase === undefined ? undefined : new Secret(passphrase);
      const key = await readOpenPgpKey(exported(user, flag, passphrase), secret, now);
      expect(key.userIds).toEqual([user]);
      expect(key.armoredPublicKey).not.toContain("PRIVATE");
      const file = join(folder, "Notes.AppImage");
      for (const size of [0, 1, 3_000_000]) {
        writeFileSync(file, Buffer.alloc(size, "erth"));
        const signature = await signOpenPgp(fileContent(file), key, now);
        expect(judge(key.armoredPublicKey, signature, file)).toContain(key.fingerprint);
        expect(judge(key.armoredPublicKey, armorSignature(signature), file)).toContain(key.fingerprint);
        // The same input and time, the same bytes.
        expect(await signOpenPgp(fileContent(file), key, now)).toEqual(signature);
        writeFileSync(file, Buffer.alloc(size + 1, "erth"));
        expect(judge(key.armoredPublicKey, signature, file)).toBeUndefined();
      }
      const clear = await signCleartext(RELEASE, key, now);
      expect(clear).toContain("\n- - a line with a dash\n");
      expect(judge(key.armoredPublicKey, clear)).toContain(key.fingerprint);
      expect(judge(key.armoredPublicKey, clear.replace("stable", "staple"))).toBeUndefined();
      expect(await signCleartext(RELEASE, key, now)).toBe(clear);
    },
  );

  test("every changed byte that a signature rests on is refused", async () => {
    const key = await readOpenPgpKey(exported("ed"), undefined, now);
    const file = join(folder, "small");
    writeFileSync(file, "content");
    const signature = await signOpenPgp(fileContent(file), key, now);
    // What is hashed of the packet, and the ends of the two numbers; the rest is framing and hints.
    const [frame, hashed] = [3, 6 + 29];
    const checked = [...signature.keys()].filter((at) => at < frame + hashed || at >= signature.length - 30);
    for (const at of checked.slice(frame)) {
      const changed = Uint8Array.from(signature);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(judge(key.armoredPublicKey, changed, file), `byte ${at}`).toBeUndefined();
    }
  });

  test("armor in base64, with literal line ends, from CI settings", async () => {
    const plain = exported("ed").reveal();
    for (const text of [
      Buffer.from(plain).toString("base64"),
      plain.replaceAll("\n", "\\n"),
      `\n${plain.replaceAll("\n", "\r\n")}`,
    ]) {
      expect((await readOpenPgpKey(new Secret(text), undefined, now)).userIds).toEqual(["ed"]);
    }
  });

  test("expiry is told, and an ended key refused", async () => {
    const { expires } = await readOpenPgpKey(exported("split"), undefined, now);
    const years = ((expires?.getTime() ?? 0) - now.getTime()) / (365 * 86_400_000);
    expect(years).toBeCloseTo(2, 1);
    expect((await readOpenPgpKey(exported("ed"), undefined, now)).expires).toBeUndefined();
    expect(await fault(readOpenPgpKey(exported("ended"), undefined, now))).toMatchObject({
      code: "KEY_EXPIRED",
      message: expect.stringMatching(/ended at (2020|2021)-/),
    });
  });

  test("wrong passphrases, damage and other kinds of keys are told apart", async () => {
    const locked = exported("locked", "--export-secret-keys", PASSPHRASE);
    expect(await fault(readOpenPgpKey(locked, undefined, now))).toMatchObject({ code: "KEY_PASSWORD" });
    expect(await fault(readOpenPgpKey(locked, new Secret("wrong"), now))).toMatchObject({ code: "KEY_PASSWORD" });
    expect(await fault(readOpenPgpKey(exported("only-certifies"), undefined, now))).toMatchObject({ code: "KEY_KIND" });
    expect(await fault(readOpenPgpKey(exported("p256"), undefined, now))).toMatchObject({
      code: "KEY_KIND",
      message: "the OpenPGP key is neither RSA nor Ed25519.",
    });
    const publicKey = new Secret(gpg(["--armor", "--export", "=ed"]).toString());
    expect(await fault(readOpenPgpKey(publicKey, undefined, now))).toMatchObject({ code: "KEY_KIND" });
    const text = exported("ed").reveal();
    for (const damaged of ["", "no key", text.slice(0, 200), text.replace(/\n(.{40})/, "\n$1!!")]) {
      expect(await fault(readOpenPgpKey(new Secret(damaged), undefined, now))).toMatchObject({ code: "KEY_DAMAGED" });
    }
  });
});
