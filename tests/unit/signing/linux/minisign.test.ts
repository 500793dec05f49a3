import { createHash, sign } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { Secret } from "../../../../runtime/base/secret.ts";
import {
  encodeMinisignPublicKey,
  encodeMinisignSecretKey,
  generateMinisignKey,
  minisignKeyName,
  parseMinisignPublicKey,
  parseMinisignSecretKey,
} from "../../../../signing/linux/minisign-key.ts";
import { scryptParameters, SENSITIVE_LIMITS } from "../../../../signing/linux/minisign-scrypt.ts";
import { encodeMinisignText } from "../../../../signing/linux/minisign-text.ts";
import {
  minisignComment,
  type MinisignSignature,
  parseMinisignSignature,
  signMinisign,
  verifyMinisign,
} from "../../../../signing/linux/minisign.ts";

// 4 MiB instead of 1 GiB: what is tested is the format.
const LIGHT = { operations: 32_768n, memoryBytes: 4n << 20n };
const key = generateMinisignKey();
const FILE = Buffer.from("the file\n".repeat(1000));
const COMMENT = "timestamp:1780315200\tfile:Notes.AppImage\thashed";

async function* stream(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const signFile = (form: "minisign" | "tauri" = "minisign") => signMinisign(stream(FILE), key, COMMENT, form);
const verifyText = async (text: string, publicKey = key.publicKey, content: Uint8Array = FILE) =>
  verifyMinisign(stream(content), parseMinisignSignature(text), publicKey, "Notes.AppImage");

describe("signatures", () => {
  test.each(["minisign", "tauri"] as const)("%s: signed, read and verified", async (form) => {
    const text = await signFile(form);
    expect(await verifyText(text)).toBe(COMMENT);
    expect(text.startsWith("untrusted comment: signature by key ")).toBe(form === "minisign");
    expect(await verifyText(text.replaceAll("\n", "\r\n"))).toBe(COMMENT);
  });

  test("the old form over the whole file is verified", async () => {
    const signature = sign(null, FILE, key.privateKey);
    const text = encodeMinisignText(
      {
        untrustedComment: "x",
        value: Buffer.concat([Buffer.from("Ed"), key.publicKey.keyId, signature]),
        trusted: { comment: "c", value: sign(null, Buffer.concat([signature, Buffer.from("c")]), key.privateKey) },
      },
      "minisign",
    );
    expect(await verifyText(text)).toBe("c");
    await expect(verifyText(text, key.publicKey, FILE.subarray(1))).rejects.toMatchObject({ code: "MINISIGN_REFUSED" });
  });

  test("every changed character of what is signed is refused", async () => {
    const text = await signFile();
    const from = text.indexOf("\n") + 1;
    let tried = 0;
    for (let at = from; at < text.length - 1; at += 1) {
      for (const other of [String.fromCodePoint((text.codePointAt(at) ?? 0) ^ 1), "A", ""]) {
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        if (changed === text) continue;
        tried += 1;
        await expect(verifyText(changed), `${at}: ${text[at]} -> ${other}`).rejects.toBeInstanceOf(ErthError);
      }
    }
    expect(tried).toBeGreaterThan(600);
  });

  test("every changed byte of the signature itself is refused", async () => {
    const good = parseMinisignSignature(await signFile());
    const flip = (bytes: Uint8Array, at: number): Uint8Array =>
      bytes.map((byte, index) => (index === at ? byte ^ 0x40 : byte));
    const bad: MinisignSignature[] = [
      ...Array.from(good.signature.keys(), (at) => ({ ...good, signature: flip(good.signature, at) })),
      ...Array.from(good.globalSignature.keys(), (at) => ({
        ...good,
        globalSignature: flip(good.globalSignature, at),
      })),
      ...Array.from(good.keyId.keys(), (at) => ({ ...good, keyId: flip(good.keyId, at) })),
      { ...good, isPrehashed: false },
      { ...good, trustedComment: `${COMMENT}.` },
    ];
    for (const one of bad) {
      await expect(verifyMinisign(stream(FILE), one, key.publicKey, "f")).rejects.toMatchObject({
        code: expect.stringMatching(/^MINISIGN_(REFUSED|WRONG_KEY)$/),
      });
    }
    for (const at of key.publicKey.point.keys()) {
      const publicKey = { ...key.publicKey, point: flip(key.publicKey.point, at) };
      await expect(verifyMinisign(stream(FILE), good, publicKey, "f")).rejects.toMatchObject({
        code: "MINISIGN_REFUSED",
      });
    }
  });

  test("a valid signature of another file, or by another key", async () => {
    const text = await signFile();
    await expect(verifyText(text, key.publicKey, Buffer.concat([FILE, Buffer.of(0)]))).rejects.toMatchObject({
      code: "MINISIGN_REFUSED",
      message: expect.stringContaining("Notes.AppImage"),
    });
    const other = generateMinisignKey().publicKey;
    await expect(verifyText(text, other)).rejects.toMatchObject({
      code: "MINISIGN_WRONG_KEY",
      message: expect.stringContaining(minisignKeyName(other)),
    });
    await expect(verifyText(text, { ...other, keyId: key.publicKey.keyId })).rejects.toMatchObject({
      code: "MINISIGN_REFUSED",
    });
  });

  test.each(["minisign", "tauri"] as const)("cut off anywhere, %s is refused", async (form) => {
    const text = await signFile(form);
    for (let length = 0; length < text.trimEnd().length; length += 1) {
      await expect(verifyText(text.slice(0, length)), `${length}`).rejects.toBeInstanceOf(ErthError);
    }
  });

  test("any comment comes back, or is refused when it is signed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "binary", maxLength: 60 }),
        fc.constantFrom("minisign", "tauri"),
        async (comment, form) => {
          const text = await signMinisign(stream(FILE), key, comment, form).catch((error: unknown) => {
            expect(error).toBeInstanceOf(TypeError);
          });
          if (text !== undefined) expect(await verifyText(text)).toBe(comment);
        },
      ),
      { numRuns: 150 },
    );
    await expect(signMinisign(stream(FILE), key, "two\nlines", "minisign")).rejects.toThrow(TypeError);
    await expect(signMinisign(stream(FILE), key, "x".repeat(8192), "minisign")).rejects.toThrow(TypeError);
  });

  test("noise is refused with an error of ours", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (noise) => {
        expect(() => parseMinisignSignature(noise)).toThrow(ErthError);
        expect(() => parseMinisignPublicKey(noise)).toThrow(ErthError);
      }),
    );
    expect(() => parseMinisignSignature("untrusted comment: x\n".repeat(100_000))).toThrow(/longer than/);
  });

  test("the comment carries time, file and version", () => {
    const at = new Date("2026-06-01T12:00:00Z");
    expect(minisignComment("Notes.AppImage", at)).toBe(COMMENT);
    expect(minisignComment("n.zip", at, "1.4.0")).toBe("timestamp:1780315200\tfile:n.zip\tversion:1.4.0\thashed");
  });
});

describe("public keys", () => {
  test("the file, its second line, and Tauri's form are read", () => {
    const file = encodeMinisignPublicKey(key.publicKey, "minisign");
    for (const text of [
      file,
      file.split("\n")[1] ?? "",
      encodeMinisignPublicKey(key.publicKey, "tauri"),
      `${file}\r\n`,
    ]) {
      expect(parseMinisignPublicKey(text)).toEqual(key.publicKey);
    }
  });

  test("every changed or missing character of the value is refused, or is another key", () => {
    const line = encodeMinisignPublicKey(key.publicKey, "minisign").split("\n")[1] ?? "";
    for (let at = 0; at < line.length; at += 1) {
      expect(() => parseMinisignPublicKey(line.slice(0, at))).toThrow(ErthError);
      const changed = line.slice(0, at) + (line[at] === "A" ? "B" : "A") + line.slice(at + 1);
      try {
        expect(parseMinisignPublicKey(changed)).not.toEqual(key.publicKey);
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
      }
    }
  });
});

describe("secret keys", () => {
  test.each([
    ["minisign", undefined],
    ["tauri", undefined],
    ["minisign", "correct horse"],
    ["tauri", ""],
    ["tauri", "пароль 🔑"],
  ] as const)("%s with the password %o comes back", async (form, password) => {
    const secret = password === undefined ? undefined : new Secret(password);
    const text = await encodeMinisignSecretKey(key, form, secret, LIGHT);
    expect(String(text)).toBe("[secret]");
    const back = await parseMinisignSecretKey(text, secret);
    expect(back.publicKey).toEqual(key.publicKey);
    expect(await verifyText(await signMinisign(stream(FILE), back, "c", "minisign"))).toBe("c");
  });

  test("a wrong or missing password says so, without the key", async () => {
    const text = await encodeMinisignSecretKey(key, "minisign", new Secret("right"), LIGHT);
    for (const password of [undefined, new Secret("wrong"), new Secret("")]) {
      await expect(parseMinisignSecretKey(text, password)).rejects.toMatchObject({ code: "KEY_PASSWORD" });
    }
  });

  test("every changed byte of an unencrypted key is refused", async () => {
    const [comment = "", line = ""] = (await encodeMinisignSecretKey(key, "minisign")).reveal().split("\n");
    const bytes = Buffer.from(line, "base64");
    expect(bytes.length).toBe(158);
    for (const at of bytes.keys()) {
      // Salt and limits of a key without a password mean nothing.
      if (at >= 6 && at < 54) continue;
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const text = new Secret(`${comment}\n${changed.toString("base64")}\n`);
      const fault: unknown = await parseMinisignSecretKey(text).catch((error: unknown) => error);
      expect(fault, `byte ${at}`).toBeInstanceOf(ErthError);
      expect(String(fault)).not.toContain(line.slice(80, 100));
    }
  });

  test("cut off anywhere it is refused", async () => {
    const text = (await encodeMinisignSecretKey(key, "tauri")).reveal();
    for (let length = 0; length < text.length; length += 1) {
      await expect(parseMinisignSecretKey(new Secret(text.slice(0, length))), `${length}`).rejects.toBeInstanceOf(
        ErthError,
      );
    }
  });

  test("a key that would stop the machine is refused before its password is tried", async () => {
    const text = (await encodeMinisignSecretKey(key, "minisign", new Secret("p"), LIGHT)).reveal();
    const [comment = "", line = ""] = text.split("\n");
    const bytes = Buffer.from(line, "base64");
    for (const [operations, memory] of [
      [1n << 62n, 1n << 62n],
      [1n << 40n, 1n << 20n],
      [(1n << 64n) - 1n, (1n << 64n) - 1n],
      [1n << 30n, 1n << 40n],
    ] as const) {
      bytes.writeBigUInt64LE(operations, 38);
      bytes.writeBigUInt64LE(memory, 46);
      const hostile = new Secret(`${comment}\n${bytes.toString("base64")}`);
      await expect(parseMinisignSecretKey(hostile, new Secret("p"))).rejects.toMatchObject({
        code: "MINISIGN_DAMAGED",
      });
    }
  });

  test("minisign's own limits are N = 2^20, p = 1", () => {
    expect(scryptParameters(SENSITIVE_LIMITS)).toEqual({ cost: 2 ** 20, parallelization: 1 });
    // libsodium's INTERACTIVE limits.
    expect(scryptParameters({ operations: 524_288n, memoryBytes: 16_777_216n })).toEqual({
      cost: 2 ** 14,
      parallelization: 1,
    });
  });
});

test("the checksum is BLAKE2b-256, not a cut BLAKE2b-512", async () => {
  const [, line = ""] = (await encodeMinisignSecretKey(key, "minisign")).reveal().split("\n");
  const bytes = Buffer.from(line, "base64");
  const signed = Buffer.concat([Buffer.from("Ed"), bytes.subarray(54, 126)]);
  expect(bytes.subarray(126).equals(createHash("blake2b512").update(signed).digest().subarray(0, 32))).toBe(false);
});
