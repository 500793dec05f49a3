/** GnuPG judges the signature in an AppImage as `appimagetool`'s `validate` does, and so does our own verifier. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Secret } from "../../../../runtime/base/secret.ts";
import { signAppImage } from "../../../../signing/linux/appimage-signature.ts";
import { readOpenPgpKey, type OpenPgpKey } from "../../../../signing/linux/openpgp-key.ts";
import { readOpenPgpPublicKeys } from "../../../../signing/linux/openpgp-public-key.ts";
import { inspectAppImage } from "../../../../signing/linux/verify-appimage.ts";
import { runnableApp, start } from "../../../integration/stub/small-app.ts";
import { scratchFolder } from "../../../support/scratch.ts";

const hasGpg = spawnSync("gpg", ["--version"]).status === 0;
const SIGNATURE = { offset: 3072, bytes: 1024 };
const KEY = { offset: 4096, bytes: 8192 };

/** What is signed: the SHA-256 of the file without signature and key, as text. */
function digest(path: string): string {
  const bytes = readFileSync(path);
  bytes.fill(0, SIGNATURE.offset, KEY.offset + KEY.bytes);
  return createHash("sha256").update(bytes).digest("hex");
}

function section(path: string, { offset, bytes }: typeof KEY): string {
  return readFileSync(path)
    .toString("latin1", offset, offset + bytes)
    .replace(/\0+$/, "");
}

describe.skipIf(!hasGpg)("the signature in an AppImage (gpg)", () => {
  let home = "";
  let now = new Date();
  const keys = new Map<string, OpenPgpKey>();

  const gpg = (args: readonly string[], folder = home): string =>
    execFileSync("gpg", ["--homedir", folder, "--batch", "--no-tty", "--pinentry-mode", "loopback", ...args], {
      stdio: "pipe",
    }).toString();

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "erth-pgp-"));
    for (const algorithm of ["ed25519", "rsa4096"]) {
      gpg(["--passphrase", "", "--quick-generate-key", algorithm, algorithm, "sign", "never"]);
    }
    now = new Date(Date.now() + 1000);
    for (const user of ["ed25519", "rsa4096"]) {
      const secret = new Secret(gpg(["--armor", "--export-secret-keys", `=${user}`]));
      keys.set(user, await readOpenPgpKey(secret, undefined, now));
    }
  });
  afterAll(async () => {
    spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    await rm(home, { recursive: true, force: true });
  });

  async function signed(user: string): Promise<string> {
    const output = join(await scratchFolder(), "signed.AppImage");
    await signAppImage({ input: await runnableApp({ format: "appimage" }), output, key: keys.get(user)!, at: now });
    return output;
  }

  test.each(["ed25519", "rsa4096"])(
    "gpg accepts what we sign with %s, with the key that lies in the file",
    async (user) => {
      const path = await signed(user);
      const theirs = join(await scratchFolder(), "home");
      mkdirSync(theirs, { mode: 0o700 });
      writeFileSync(join(theirs, "key.asc"), section(path, KEY));
      writeFileSync(join(theirs, "signature.asc"), section(path, SIGNATURE));
      writeFileSync(join(theirs, "digest"), digest(path));
      gpg(["--import", join(theirs, "key.asc")], theirs);
      const verify = ["--status-fd", "1", "--verify", join(theirs, "signature.asc"), join(theirs, "digest")];
      expect(gpg(verify, theirs)).toContain(`VALIDSIG ${keys.get(user)!.fingerprint}`);
      spawnSync("gpgconf", ["--homedir", theirs, "--kill", "all"]);

      const ours = await readOpenPgpPublicKeys(Buffer.from(keys.get(user)!.armoredPublicKey), "key");
      const found = await inspectAppImage(path, { keys: ours, now });
      expect([found.problems, found.isTrusted, found.elf?.machine]).toEqual([[], true, process.arch]);
      const env = { HOME: await scratchFolder() };
      expect((await start(path, ["--appimage-signature"], env)).stdout.trim()).toBe(section(path, SIGNATURE).trim());
      expect((await start(path, ["x"], env)).code).toBe(7);
      expect(statSync(path).mode & 0o777).toBe(0o755);
    },
  );

  test("the same file, key and time give the same bytes, also over an earlier signature", async () => {
    const path = await signed("ed25519");
    const again = join(await scratchFolder(), "again");
    await signAppImage({ input: path, output: again, key: keys.get("ed25519")!, at: now });
    expect((await readFile(again)).equals(await readFile(path))).toBe(true);
  });

  test("a changed byte, wherever it is, and another's key are found", async () => {
    const path = await signed("ed25519");
    const whole = await readFile(path);
    for (const at of [2048, SIGNATURE.offset + 200, 13_000, whole.length - 1]) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(path, changed);
      expect((await inspectAppImage(path, { keys: [], now })).problems, `byte ${at}`).not.toEqual([]);
    }
    await writeFile(path, whole);
    const others = await readOpenPgpPublicKeys(Buffer.from(keys.get("rsa4096")!.armoredPublicKey), "key");
    expect((await inspectAppImage(path, { keys: others, now })).isTrusted).toBe(false);
  });

  test("a key too large for its section is refused with its size", async () => {
    const output = join(await scratchFolder(), "out");
    const key = { ...keys.get("ed25519")!, armoredPublicKey: "x".repeat(8192) };
    const input = await runnableApp({ format: "appimage" });
    await expect(signAppImage({ input, output, key, at: now })).rejects.toMatchObject({ code: "APPIMAGE_ROOM" });
    expect(statSync(output, { throwIfNoEntry: false })).toBeUndefined();
  });
});
