/** Debian's `minisign` and our own read and refuse each other's keys and signatures. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Secret } from "../../../../runtime/base/secret.ts";
import {
  encodeMinisignPublicKey,
  encodeMinisignSecretKey,
  generateMinisignKey,
  parseMinisignPublicKey,
  parseMinisignSecretKey,
} from "../../../../signing/linux/minisign-key.ts";
import { SENSITIVE_LIMITS } from "../../../../signing/linux/minisign-scrypt.ts";
import {
  fileContent,
  parseMinisignSignature,
  signMinisign,
  verifyMinisign,
} from "../../../../signing/linux/minisign.ts";
import { scratchFolder } from "../../../support/scratch.ts";

const hasMinisign = spawnSync("minisign", ["-v"]).status === 0;
const parity = test.skipIf(!hasMinisign);
/** Without `input` its stdin is closed: a program that ends before it has read a pipe would fail us with EPIPE. */
const run = (folder: string, args: readonly string[], input?: string): string =>
  execFileSync("minisign", args, {
    cwd: folder,
    encoding: "utf8",
    ...(input === undefined ? { stdio: ["ignore", "pipe", "pipe"] } : { input, stdio: "pipe" }),
  });
const accepts = (folder: string, args: readonly string[] = []): boolean =>
  spawnSync("minisign", ["-V", "-p", "our.pub", "-m", "file", ...args], { cwd: folder }).status === 0;

parity("minisign accepts what we sign, and refuses what was changed", async () => {
  const folder = await scratchFolder();
  const path = join(folder, "file");
  const key = generateMinisignKey();
  writeFileSync(join(folder, "our.pub"), encodeMinisignPublicKey(key.publicKey, "minisign"));
  // Empty, one hash block, and several reads.
  for (const size of [0, 128, 2_500_000]) {
    writeFileSync(path, Buffer.alloc(size, "erth"));
    const text = await signMinisign(fileContent(path), key, "file:Éclair 日本.AppImage\tversion:1.4.0", "minisign");
    writeFileSync(`${path}.minisig`, text);
    expect(run(folder, ["-V", "-p", "our.pub", "-m", "file", "-Q"])).toBe("file:Éclair 日本.AppImage\tversion:1.4.0\n");
    writeFileSync(`${path}.minisig`, text.replace("1.4.0", "1.4.1"));
    expect(accepts(folder)).toBe(false);
    writeFileSync(`${path}.minisig`, text);
    writeFileSync(path, Buffer.alloc(size + 1, "erth"));
    expect(accepts(folder)).toBe(false);
  }
});

parity("minisign signs with an unencrypted key of ours, and we verify", async () => {
  const folder = await scratchFolder();
  const path = join(folder, "file");
  writeFileSync(path, "content");
  const key = generateMinisignKey();
  writeFileSync(join(folder, "our.key"), (await encodeMinisignSecretKey(key, "minisign")).reveal());
  for (const [args, isPrehashed] of [
    [[], true],
    [["-l"], false],
  ] as const) {
    run(folder, ["-S", ...args, "-s", "our.key", "-m", "file", "-t", "said by minisign"]);
    const signed = parseMinisignSignature(readFileSync(`${path}.minisig`, "utf8"));
    expect(signed.isPrehashed).toBe(isPrehashed);
    expect(await verifyMinisign(fileContent(path), signed, key.publicKey, "file")).toBe("said by minisign");
  }
});

parity("minisign reads a key that we encrypted, and we read one that it made (1 GiB of scrypt each)", async () => {
  const folder = await scratchFolder();
  writeFileSync(join(folder, "file"), "content");
  const password = new Secret("correct horse");
  const key = generateMinisignKey();
  writeFileSync(
    join(folder, "our.key"),
    // Their reader takes the limits from the file.
    (
      await encodeMinisignSecretKey(key, "minisign", password, { operations: 32_768n, memoryBytes: 4n << 20n })
    ).reveal(),
  );
  run(folder, ["-S", "-s", "our.key", "-m", "file", "-t", "c"], `${password.reveal()}\n`);
  const signed = parseMinisignSignature(readFileSync(join(folder, "file.minisig"), "utf8"));
  expect(await verifyMinisign(fileContent(join(folder, "file")), signed, key.publicKey, "file")).toBe("c");

  run(folder, ["-G", "-p", "their.pub", "-s", "their.key"], `${password.reveal()}\n${password.reveal()}\n`);
  const text = readFileSync(join(folder, "their.key"), "utf8");
  expect(Buffer.from(text.split("\n")[1] ?? "", "base64").readBigUInt64LE(46)).toBe(SENSITIVE_LIMITS.memoryBytes);
  const theirs = await parseMinisignSecretKey(new Secret(text), password);
  expect(theirs.publicKey).toEqual(parseMinisignPublicKey(readFileSync(join(folder, "their.pub"), "utf8")));
});
