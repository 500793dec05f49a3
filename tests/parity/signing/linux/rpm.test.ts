/** rpm checks what we sign, and we check what rpmsign signs. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withFileRange } from "../../../../build/formats/byte-range.ts";
import { readRpm } from "../../../../build/formats/rpm-reader.ts";
import { Secret } from "../../../../runtime/base/secret.ts";
import { readOpenPgpKey, type OpenPgpKey } from "../../../../signing/linux/openpgp-key.ts";
import { readOpenPgpPublicKeys } from "../../../../signing/linux/openpgp-public-key.ts";
import { signRpm } from "../../../../signing/linux/rpm-signature.ts";
import { inspectRpm } from "../../../../signing/linux/verify-rpm.ts";
import { has, packageFor, run } from "../../../support/small-packages.ts";

const { signal } = new AbortController();

describe.skipIf(!has("rpm", "rpmkeys", "rpmsign", "gpg"))("rpm and rpmsign", () => {
  let folder = "";
  let home = "";
  let now = new Date();
  const keys = new Map<string, OpenPgpKey>();
  const gpg = (...args: readonly string[]): string =>
    execFileSync("gpg", ["--homedir", home, "--batch", "--no-tty", "--quiet", "--passphrase", "", ...args], {
      encoding: "utf8",
    });
  /** rpm's verdict with only this key in its database. */
  const check = async (path: string, publicKey: string): Promise<string> => {
    const db = await mkdtemp(join(folder, "db-"));
    const armored = join(db, "key.asc");
    await writeFile(armored, publicKey);
    run("rpmkeys", ["--dbpath", db, "--import", armored]);
    const { stdout } = spawnSync("rpmkeys", ["--dbpath", db, "--checksig", "--verbose", path], { encoding: "utf8" });
    return stdout;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "erth-rpm-"));
    home = join(folder, "home");
    mkdirSync(home, { mode: 0o700 });
    for (const algorithm of ["ed25519", "rsa2048"]) gpg("--quick-generate-key", algorithm, algorithm, "sign", "never");
    now = new Date(Date.now() + 1000);
    for (const algorithm of ["ed25519", "rsa2048"]) {
      const armored = new Secret(gpg("--armor", "--export-secret-keys", algorithm));
      keys.set(algorithm, await readOpenPgpKey(armored, undefined, now));
    }
  });
  afterAll(async () => {
    spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    await rm(folder, { recursive: true, force: true });
  });

  /** Our own verdict: whether each signature holds, and what is wrong. */
  const inspect = async (path: string, ...publicKeys: readonly OpenPgpKey[]) => {
    const found = await Promise.all(
      publicKeys.map((key) => readOpenPgpPublicKeys(Buffer.from(key.armoredPublicKey), key.fingerprint)),
    );
    const { signatures, problems } = await inspectRpm(path, { keys: found.flat(), now });
    return { holds: signatures.map(({ holds }) => holds), problems: problems.map(({ code }) => code) };
  };

  test.each(["ed25519", "rsa2048"])("%s: rpm says OK with the key and not without, and so do we", async (algorithm) => {
    const key = keys.get(algorithm)!;
    const other = keys.get(algorithm === "ed25519" ? "rsa2048" : "ed25519")!;
    const { path: input } = await packageFor("rpm");
    expect(await inspect(input)).toEqual({ holds: [], problems: [] });
    const output = join(folder, `${algorithm}.rpm`);
    await signRpm({ input, output, key, at: now, signal });
    expect(await check(output, key.armoredPublicKey)).toMatch(/Header V4 \S+ Signature, key ID [0-9a-f]+: OK/);
    expect(await check(output, other.armoredPublicKey)).toContain("NOKEY");
    expect(await inspect(output, other, key)).toEqual({ holds: [true], problems: [] });
    expect((await inspect(output, other)).holds).toEqual([undefined]);
    // Signed again, by another: the first signature is gone, the rest is as it was.
    const again = join(folder, `${algorithm}-again.rpm`);
    await signRpm({ input: output, output: again, key: other, at: now, signal });
    expect(await inspect(again, other)).toEqual({ holds: [true], problems: [] });
    expect(await check(again, other.armoredPublicKey)).toMatch(/Signature, key ID [0-9a-f]+: OK/);
  });

  test.each(["ed25519", "rsa2048"])("%s: what rpmsign signs, we find good, and sign anew", async (algorithm) => {
    const path = join(folder, `by-rpmsign-${algorithm}.rpm`);
    await copyFile((await packageFor("rpm")).path, path);
    const program = run("sh", ["-c", "command -v gpg"]).trim();
    const macros = ["--define", `_gpg_name ${algorithm}`, "--define", `__gpg ${program}`];
    run("rpmsign", [...macros, "--addsign", path], { GNUPGHOME: home });
    const key = keys.get(algorithm)!;
    expect(await inspect(path, key)).toEqual({ holds: [true], problems: [] });
    const output = join(folder, `anew-${algorithm}.rpm`);
    await signRpm({ input: path, output, key, at: now, signal });
    expect(await check(output, key.armoredPublicKey)).toMatch(/Signature, key ID [0-9a-f]+: OK/);
  });

  test("a flipped byte anywhere that is signed is told by both", async () => {
    const key = keys.get("ed25519")!;
    const { path: input } = await packageFor("rpm");
    const output = join(folder, "flipped.rpm");
    await signRpm({ input, output, key, at: now, signal });
    const bytes = await readFile(output);
    const { main, payload } = await withFileRange(output, readRpm);
    for (const at of [main.offset + main.size - 40, payload.offset + 100]) {
      const flipped = Buffer.from(bytes);
      flipped[at] = flipped[at]! ^ 1;
      await writeFile(output, flipped);
      expect((await inspect(output, key)).problems).toContain("RPM_DIGEST");
      expect(await check(output, key.armoredPublicKey)).toMatch(/BAD|NOT OK/);
    }
  });
});
