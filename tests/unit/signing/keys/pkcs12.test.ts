import { createHmac, pbkdf2Sync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { Secret } from "../../../../runtime/base/secret.ts";
import { type DerNode, integer, nullValue, octetString, oid, parseDer, sequence } from "../../../../signing/cms/der.ts";
import { decryptWithPassword, derivePkcs12 } from "../../../../signing/keys/password-decryption.ts";
import { parsePkcs12 } from "../../../../signing/keys/pkcs12.ts";
import { windowsAuthority } from "../../../fakes/certificate-authority.ts";

const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, "../../../fixtures/signing", name));
/** AES-256 with PBKDF2 and a SHA-256 MAC; RC2-40 and 3DES with a SHA-1 MAC: the defaults of openssl 3 and 1. */
const files = [
  ["modern.p12", fixture("modern.p12")],
  ["legacy.p12", fixture("legacy.p12")],
] as const;
const PASSWORD = "correct hörse";
const { leaf } = windowsAuthority();

const open = (der: Uint8Array, password: string | undefined = PASSWORD) =>
  parsePkcs12(der, password === undefined ? undefined : new Secret(password), "key.p12");

describe.each(files)("%s", (_, der) => {
  test("gives the key and every certificate", () => {
    const { keys, certificates, warnings } = open(der);
    expect(keys.map((key) => key.export({ format: "pem", type: "pkcs8" }))).toEqual([leaf.keyPem]);
    expect(certificates.map((it) => Buffer.from(it))).toEqual(leaf.chain.map((it) => Buffer.from(it)));
    expect(warnings).toEqual([]);
  });

  test("tells a wrong password from none, and shows neither", () => {
    for (const wrong of ["correct horse", "Correct hörse", "hunter2hunter2"]) {
      const error = failure(() => open(der, wrong));
      expect(error).toMatchObject({ code: "KEY_PASSWORD", message: expect.stringContaining("does not open key.p12") });
      expect(JSON.stringify(error) + String(error.stack)).not.toContain(wrong);
    }
    const none = failure(() => parsePkcs12(der, undefined, "key.p12"));
    expect(none).toMatchObject({ code: "KEY_PASSWORD", message: expect.stringContaining("none is set") });
  });

  test("repairs a password with a line end, as `echo` gives it to CI", () => {
    expect(open(der, `${PASSWORD}\n`).warnings.join()).toContain("blanks or a line end");
  });

  test("is read in BER of indefinite length with strings in pieces, as Apple and Windows write it", () => {
    const ber = toBer(parseDer(der));
    expect(ber.subarray(0, 2).toString("hex")).toBe("3080");
    expect(open(ber).certificates).toHaveLength(3);
  });

  test("damage is an error, never a crash, and what opens is the right key", () => {
    for (let round = 0; round < 150; round++) {
      const copy = Buffer.from(der);
      const at = (round * 7919) % copy.length;
      copy[at] = (copy[at] ?? 0) ^ (1 << (round % 8));
      const damaged = round % 3 === 0 ? copy.subarray(0, at) : copy;
      try {
        // The name of a key and the MAC's own version are all that the MAC does not cover.
        expect(open(damaged).keys).toHaveLength(1);
      } catch (cause) {
        expect(cause).toBeInstanceOf(ErthError);
      }
    }
  });
});

test("PBMAC1 (RFC 9579), as openssl 3.4 can write it", () => {
  const [version, authSafe] = parseDer(files[0][1]).children;
  const salt = octetString(Buffer.from("0102030405060708", "hex"));
  const hmac = (last: number) => sequence(oid(`1.2.840.113549.2.${last}`), nullValue());
  const kdf = sequence(oid("1.2.840.113549.1.5.12"), sequence(salt, integer(2048), integer(20), hmac(11)));
  const algorithm = sequence(oid("1.2.840.113549.1.5.14"), sequence(kdf, hmac(9)));
  const key = pbkdf2Sync(PASSWORD, parseDer(salt).value, 2048, 20, "sha512");
  const content = authSafe!.children[1]!.children[0]!.value;
  const digest = createHmac("sha256", key).update(content).digest();
  const mac = sequence(sequence(algorithm, octetString(digest)), octetString(Buffer.from("NOT USED")), integer(1));
  const der = sequence(version!.bytes, authSafe!.bytes, mac);
  expect(open(der).certificates).toHaveLength(3);
  expect(failure(() => open(der, "wrong"))).toMatchObject({ code: "KEY_PASSWORD" });
});

describe("protections", () => {
  const forms = { utf8: Buffer.from("x"), bmp: Buffer.from("00780000", "hex") };

  test("an unknown one is named", () => {
    const algorithm = parseDer(
      sequence(oid("1.2.840.113549.1.12.1.1"), sequence(octetString(Buffer.alloc(8)), integer(1))),
    );
    expect(failure(() => decryptWithPassword(algorithm, Buffer.alloc(8), forms))).toMatchObject({
      code: "KEY_ENCRYPTION",
      message: expect.stringContaining("1.2.840.113549.1.12.1.1"),
    });
  });

  test("a file may not ask for hours of work or all the memory", () => {
    const pbkdf2 = sequence(oid("1.2.840.113549.1.5.12"), sequence(octetString(Buffer.alloc(8)), integer(2 ** 31 - 1)));
    const scrypt = sequence(
      oid("1.3.6.1.4.1.11591.4.11"),
      sequence(octetString(Buffer.alloc(8)), integer(2 ** 24), integer(64), integer(1)),
    );
    const aes = sequence(oid("2.16.840.1.101.3.4.1.42"), octetString(Buffer.alloc(16)));
    for (const kdf of [pbkdf2, scrypt]) {
      const algorithm = parseDer(sequence(oid("1.2.840.113549.1.5.13"), sequence(kdf, aes)));
      expect(failure(() => decryptWithPassword(algorithm, Buffer.alloc(16), forms))).toMatchObject({
        code: "KEY_ENCRYPTION",
      });
    }
    const missing = parseDer(sequence(oid("1.2.840.113549.1.5.13"), nullValue()));
    expect(() => decryptWithPassword(missing, Buffer.alloc(16), forms)).toThrow(ErthError);
  });

  test("the key derivation of RFC 7292 gives what other implementations give", () => {
    // The vectors that circulate with OpenSSL and Bouncy Castle: "smeg", salt, one round; "queeg", a thousand.
    const smeg = Buffer.from("0073006d006500670000", "hex");
    const queeg = Buffer.from("007100750065006500670000", "hex");
    const derive = (id: 1 | 2 | 3, password: Buffer, salt: string, rounds: number, bytes: number): string =>
      Buffer.from(derivePkcs12("sha1", id, password, Buffer.from(salt, "hex"), rounds, bytes)).toString("hex");
    expect(derive(1, smeg, "0a58cf64530d823f", 1, 24)).toBe("8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3");
    expect(derive(2, smeg, "0a58cf64530d823f", 1, 8)).toBe("79993dfe048d3b76");
    expect(derive(1, queeg, "05dec959acff72f7", 1000, 24)).toBe("ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4");
    expect(derive(3, queeg, "263216fcc2fab31c", 1000, 20)).toBe("5ec4c7a80df652294c3925b6489a7ab857c83476");
  });
});

/** The same values in BER: indefinite lengths, octet strings in pieces of 500 bytes. */
function toBer(node: DerNode): Buffer {
  const end = Buffer.alloc(2);
  const head = (identifier: number): Buffer => Buffer.from([identifier, 0x80]);
  if (node.constructed) return Buffer.concat([head(node.bytes[0] ?? 0), ...node.children.map((it) => toBer(it)), end]);
  if (node.value.length <= 500) return Buffer.from(node.bytes);
  const pieces = Array.from({ length: Math.ceil(node.value.length / 500) }, (_, index) =>
    octetString(node.value.subarray(index * 500, (index + 1) * 500)),
  );
  return Buffer.concat([head((node.bytes[0] ?? 0) | 0x20), ...pieces, end]);
}

function failure(action: () => unknown): ErthError {
  try {
    action();
  } catch (cause) {
    if (cause instanceof ErthError) return cause;
    throw cause;
  }
  throw new Error("it was accepted");
}
