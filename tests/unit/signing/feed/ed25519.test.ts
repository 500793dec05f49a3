import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { Secret } from "../../../../runtime/base/secret.ts";
import { encodeFeedKey, generateFeedKey, parseFeedKey, signFeed } from "../../../../signing/feed/ed25519.ts";
import { addRootSignatures, createRoot, createRotation, walkRoots } from "../../../../signing/feed/trust-root.ts";

const key = generateFeedKey();
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof ErthError) return error.code;
    throw error;
  }
  return "none";
};

describe("feed keys", () => {
  test.each([undefined, "correct horse", "пароль"])("with the password %o they come back", (password) => {
    const secret = password === undefined ? undefined : new Secret(password);
    const pem = encodeFeedKey(key, secret);
    expect(String(pem)).toBe("[secret]");
    const texts = [
      pem.reveal(),
      pem.reveal().replaceAll("\n", "\\n"),
      Buffer.from(pem.reveal()).toString("base64"),
      ` ${pem.reveal()} `,
    ];
    for (const text of texts) expect(parseFeedKey(new Secret(text), secret).keyId).toBe(key.keyId);
  });

  test("wrong passwords, damage and other kinds of keys are told apart, without the key", () => {
    const locked = encodeFeedKey(key, new Secret("right"));
    expect(codeOf(() => parseFeedKey(locked))).toBe("KEY_PASSWORD");
    expect(codeOf(() => parseFeedKey(locked, new Secret("wrong")))).toBe("KEY_PASSWORD");
    const open = encodeFeedKey(key).reveal();
    for (const text of ["", "no key", open.slice(0, 60), open.replace("M", "N")]) {
      expect(codeOf(() => parseFeedKey(new Secret(text)))).toBe("KEY_DAMAGED");
    }
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "pem", type: "pkcs8" });
    expect(codeOf(() => parseFeedKey(new Secret(rsa)))).toBe("KEY_KIND");
  });

  test("a document that cannot be signed is a bug", () => {
    expect(() => signFeed({ price: 0.5 }, [key])).toThrow(TypeError);
  });
});

describe("root documents", () => {
  const expires = new Date("2027-01-01T12:34:56.789Z");
  const others = [generateFeedKey(), generateFeedKey()];
  const plan = (holders: readonly (typeof key)[], threshold: number) => ({
    expires,
    roles: { root: { keys: holders.map(({ publicKey }) => publicKey), threshold } },
  });

  test("people sign one after another, and a client walks the chain", () => {
    const first = addRootSignatures(createRoot(plan([key, others[0]!], 2), [key]), [others[0]!]);
    const trusted = walkRoots([first]);
    expect(trusted).toMatchObject({ version: 1, expires: "2027-01-01T12:34:56Z" });
    const begun = createRotation(trusted, plan([others[1]!], 1), [others[1]!]);
    expect(codeOf(() => walkRoots([first, begun]))).toBe("FEED_SIGNATURE");
    const second = addRootSignatures(addRootSignatures(begun, [key]), [others[0]!]);
    expect(walkRoots([first, second]).version).toBe(2);
    expect(codeOf(() => walkRoots([]))).toBe("FEED_ROTATION");
  });

  test("a role that nobody could satisfy is refused", () => {
    for (const bad of [plan([key], 0), plan([key], 2), plan([], 1), plan([key, key], 1), plan([key, key], 2)]) {
      expect(codeOf(() => createRoot(bad, [key]))).toBe("FEED_ROTATION");
    }
  });
});
