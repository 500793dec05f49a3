import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { claimedSigningTime } from "../../../../signing/cms/verify-signer.ts";
import { element, octetString, oid, sequence } from "../../../../signing/cms/der.ts";
import { oids } from "../../../../signing/cms/oids.ts";
import { parseSignedData } from "../../../../signing/cms/parse-signed-data.ts";
import { createSignedData, type SignedDataRequest } from "../../../../signing/cms/signed-data.ts";
import { timestampTokensOf, verifySignedData } from "../../../../signing/cms/verify-signed-data.ts";
import { appleAuthority, fakeSigner, type Identity, windowsAuthority } from "../../../fakes/certificate-authority.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../../../fakes/timestamp-authority.ts";

const apple = appleAuthority();
const windows = windowsAuthority();
const CONTENT = Buffer.from("the CodeDirectory");
const SPC = "1.3.6.1.4.1.311.2.1.4";

let authority: TimestampAuthority;
beforeAll(async () => {
  authority = await startTimestampAuthority();
});
afterAll(() => authority.close());

function request(identity: Identity, changes: Partial<SignedDataRequest> = {}): SignedDataRequest {
  return {
    contentTypeOid: oids.data,
    digested: CONTENT,
    signedAttributes: [{ oid: "1.2.840.113635.100.9.1", values: [octetString(Buffer.from("<plist/>"))] }],
    signingTime: new Date("2026-06-01T00:00:00Z"),
    rsaSignatureOid: "sha256WithRSAEncryption",
    signer: identity.signer,
    hint: { file: "notes", kind: "test" },
    ...changes,
  };
}

const stamped = () => ({ url: authority.url, attributeOid: oids.timestampToken, fetch });

describe("what is made verifies", () => {
  test.each([
    ["RSA", apple.application, oids.sha256WithRsaEncryption],
    ["ECDSA P-256", windows.p256, oids.ecdsaWithSha256],
    ["ECDSA P-384", windows.p384, oids.ecdsaWithSha256],
  ])("%s, detached, with a timestamp", async (_, identity, algorithm) => {
    const { der, certificates } = await createSignedData(request(identity, { timestamp: stamped() }));
    const signed = parseSignedData(der);
    const verified = verifySignedData(signed, CONTENT);
    expect(verified.problems).toEqual([]);
    expect(verified.chain?.certificates.map((it) => it.der)).toEqual(certificates);
    expect(verified.timestamps.map(({ time }) => time.toISOString())).toEqual(["2026-06-01T12:00:00.000Z"]);
    expect(signed.signers[0]?.signatureAlgorithmOid).toBe(algorithm);
    expect(claimedSigningTime(signed.signers[0]!)).toEqual(new Date("2026-06-01T00:00:00Z"));
    expect(signed.content).toBeUndefined();
  });

  test("a digest alone gives the same bytes as the octets, and the same bytes every time", async () => {
    const sha256 = createHash("sha256").update(CONTENT).digest();
    const [a, b] = await Promise.all([
      createSignedData(request(apple.application, { digested: { sha256 } })),
      createSignedData(request(apple.application)),
    ]);
    expect(Buffer.from(a.der).equals(b.der)).toBe(true);
    // Changes only with the writer or the throwaway keys: then look at it with `openssl asn1parse`.
    expect(createHash("sha256").update(a.der).digest("hex")).toMatchInlineSnapshot(
      `"eb71ca7144d93ae8c0606431c899269c844958b3e584f2618dfb3d36ccab1f2c"`,
    );
  });

  test("Authenticode: bare content in [0], the short RSA name, its digest over the value octets", async () => {
    const value = sequence(oid("1.3.6.1.4.1.311.2.1.15"));
    const content = element(0x30, value);
    const changes = { contentTypeOid: SPC, content, digested: value, rsaSignatureOid: "rsaEncryption" } as const;
    const { der } = await createSignedData(request(windows.leaf, changes));
    const signed = parseSignedData(der);
    expect(verifySignedData(signed).problems).toEqual([]);
    expect(signed.content?.bytes).toEqual(content);
    expect(signed.version).toBe(1);
    expect(signed.signers[0]?.signatureAlgorithmOid).toBe(oids.rsaEncryption);
  });

  test("an OCTET STRING content is digested without its header", async () => {
    const { der } = await createSignedData(request(windows.leaf, { content: octetString(CONTENT) }));
    expect(verifySignedData(parseSignedData(der)).problems).toEqual([]);
  });

  test("a chain that comes only with the signature is embedded", async () => {
    const late = fakeSigner("72-hour key", windows.leaf.key, windows.leaf.chain, true);
    const { der, certificates } = await createSignedData(request(windows.leaf, { signer: late }));
    expect(certificates).toEqual(windows.leaf.chain);
    expect(verifySignedData(parseSignedData(der), CONTENT).problems).toEqual([]);
  });
});

describe("what is refused", () => {
  test("a signature by another key, naming key and certificate", async () => {
    for (const [wrong, right] of [
      [windows.extendedValidation, windows.leaf],
      [windows.p256, windows.p384],
      [windows.leaf, windows.p256],
    ] as const) {
      const signer = fakeSigner("key file stolen.p12", wrong.key, right.chain);
      const made = createSignedData(request(right, { signer }));
      await expect(made).rejects.toMatchObject({
        code: "KEY_MISMATCH",
        message: expect.stringMatching(/key file stolen\.p12.*"Erth Test Publisher"/s),
      });
    }
  });

  test("garbage from a key service", async () => {
    for (const signature of [new Uint8Array(), new Uint8Array(256), Buffer.alloc(72, 0x30)]) {
      for (const [identity, scheme] of [
        [windows.leaf, "rsa-pkcs1"],
        [windows.p256, "ecdsa-der"],
      ] as const) {
        const signer = { ...identity.signer, signDigest: () => Promise.resolve({ signature, scheme }) };
        await expect(createSignedData(request(identity, { signer }))).rejects.toMatchObject({ code: "KEY_MISMATCH" });
      }
    }
  });

  test("a key without a certificate", async () => {
    const signer = fakeSigner("a bare key", windows.leaf.key, []);
    await expect(createSignedData(request(windows.leaf, { signer }))).rejects.toMatchObject({
      code: "KEY_NO_CERTIFICATE",
    });
  });

  test("a timestamp that cannot be had: no signature comes back", async () => {
    authority.fail({ kind: "rejection", failureBit: 2, text: "unrecognized request" });
    await expect(createSignedData(request(apple.application, { timestamp: stamped() }))).rejects.toMatchObject({
      code: "TIMESTAMP_REFUSED",
    });
  });
});

describe("attacks", () => {
  test("each single byte of a message matters", async () => {
    const { der } = await createSignedData(request(apple.application));
    expect(isAccepted(der, 0)).toBe(true);
    const unnoticed = [...der.keys()].filter((at) => isAccepted(withFlippedBit(der, at), 0));
    expect(unnoticed).toEqual([]);
  });

  test("each byte around a timestamp matters", async () => {
    const { der } = await createSignedData(request(apple.application, { timestamp: stamped() }));
    expect(isAccepted(der, 1)).toBe(true);
    const [token] = timestampTokensOf(parseSignedData(der).signers[0]!);
    const tokenAt = Buffer.from(der).indexOf(token!);
    // From the signature's end to the token's first fields; the token itself has a test of its own.
    const around = Array.from({ length: 60 }, (_, index) => tokenAt - 40 + index);
    expect(around.filter((at) => isAccepted(withFlippedBit(der, at), 1))).toEqual([]);
  });

  test("no shorter message is accepted, and nothing but zeros may follow", async () => {
    const { der } = await createSignedData(request(windows.p256));
    for (let length = 0; length < der.length; length++) {
      expect(() => parseSignedData(der.subarray(0, length))).toThrow(ErthError);
    }
    expect(parseSignedData(Buffer.concat([der, Buffer.alloc(9)])).signers).toHaveLength(1);
    expect(() => parseSignedData(Buffer.concat([der, Buffer.from([0, 1])]))).toThrow("other data follows");
  });

  test("other content, and none", async () => {
    const { der } = await createSignedData(request(apple.application));
    const codes = (content?: Uint8Array) =>
      verifySignedData(parseSignedData(der), content).problems.map((it) => it.code);
    expect(codes(CONTENT)).toEqual([]);
    expect(codes(Buffer.from("the C0deDirectory"))).toEqual(["CMS_DIGEST"]);
    expect(codes()).toEqual(["CMS_CONTENT_MISSING"]);
  });

  test("a message whose certificates were taken out", async () => {
    const signer = fakeSigner("short chain", apple.application.key, [apple.application.der]);
    const { der } = await createSignedData(request(apple.application, { signer }));
    const verified = verifySignedData(parseSignedData(der), CONTENT);
    expect(verified.problems).toEqual([]);
    expect(verified.chain?.missingIssuer).toContain("CN=Erth Test Developer ID CA");
  });

  test("a timestamp of another signature", async () => {
    const [a, b] = await Promise.all([
      createSignedData(request(apple.application, { timestamp: stamped() })),
      createSignedData(request(windows.p256)),
    ]);
    const [one] = parseSignedData(a.der).signers;
    const other = parseSignedData(b.der);
    const mixed = {
      ...other,
      signers: other.signers.map((it) => ({ ...it, unsignedAttributes: one!.unsignedAttributes })),
    };
    const verified = verifySignedData(mixed, CONTENT);
    expect(verified.problems.map((it) => it.code)).toEqual(["TIMESTAMP_IMPRINT"]);
    expect(verified.timestamps).toEqual([]);
  });

  test("a certificate that was not valid at the timestamp", async () => {
    const { der } = await createSignedData(request(apple.expired, { timestamp: stamped() }));
    expect(verifySignedData(parseSignedData(der), CONTENT).problems.map((it) => it.code)).toEqual(["CMS_TIME"]);
  });
});

function withFlippedBit(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
  return copy;
}

/** Whether a message would pass a caller who wants whole chains and so many timestamps. */
function isAccepted(der: Uint8Array, timestampCount: number): boolean {
  try {
    const { problems, chain, timestamps } = verifySignedData(parseSignedData(der), CONTENT);
    const isWhole = [chain, ...timestamps.map((it) => it.chain)].every((it) => it && it.missingIssuer === undefined);
    return problems.length === 0 && isWhole && timestamps.length === timestampCount;
  } catch (cause) {
    if (cause instanceof ErthError) return false;
    throw cause;
  }
}
