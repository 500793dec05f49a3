/** Keys and a signature made by Tauri's own command line, and our signature in its form read by Debian's `minisign`. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Secret } from "../../../../runtime/base/secret.ts";
import { parseMinisignPublicKey, parseMinisignSecretKey } from "../../../../signing/linux/minisign-key.ts";
import {
  minisignComment,
  parseMinisignSignature,
  signMinisign,
  verifyMinisign,
} from "../../../../signing/linux/minisign.ts";
import tauri from "../../../fixtures/signing/tauri-signer.json" with { type: "json" };
import { scratchFolder } from "../../../support/scratch.ts";

const hasMinisign = spawnSync("minisign", ["-v"]).status === 0;

async function* content(): AsyncGenerator<Uint8Array> {
  yield Buffer.from(tauri.file);
}

test("a signature by Tauri is verified", async () => {
  const key = parseMinisignPublicKey(tauri.publicKey);
  const comment = await verifyMinisign(content(), parseMinisignSignature(tauri.signature), key, "payload.txt");
  expect(comment).toBe("timestamp:1795421883\tfile:payload.txt");
});

test("Tauri's secret keys are opened, with a password and with the empty one", async () => {
  const key = await parseMinisignSecretKey(new Secret(tauri.secretKey), new Secret(tauri.password));
  expect(key.publicKey).toEqual(parseMinisignPublicKey(tauri.publicKey));
  const empty = await parseMinisignSecretKey(new Secret(tauri.emptyPasswordSecretKey), new Secret(""));
  expect(empty.publicKey).toEqual(parseMinisignPublicKey(tauri.emptyPasswordPublicKey));
});

test.skipIf(!hasMinisign)("minisign accepts what we sign with Tauri's key in Tauri's form", async () => {
  const folder = await scratchFolder();
  const key = await parseMinisignSecretKey(new Secret(tauri.secretKey), new Secret(tauri.password));
  const comment = minisignComment("payload.txt", new Date("2026-06-01T12:00:00Z"), "1.4.0");
  const text = await signMinisign(content(), key, comment, "tauri");
  writeFileSync(join(folder, "payload.txt"), tauri.file);
  writeFileSync(join(folder, "payload.txt.minisig"), Buffer.from(text, "base64"));
  writeFileSync(join(folder, "key.pub"), Buffer.from(tauri.publicKey, "base64"));
  const check = spawnSync("minisign", ["-V", "-p", "key.pub", "-m", "payload.txt"], { cwd: folder, encoding: "utf8" });
  expect(check.stdout).toContain(comment);
});
