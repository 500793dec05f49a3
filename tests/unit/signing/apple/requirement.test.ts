import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import {
  encodeDeveloperIdRequirements,
  encodeLeafRequirements,
  encodeNoRequirements,
  REQUIREMENT_OP,
} from "../../../../signing/apple/requirement.ts";
import { meetsRequirement } from "../../../../signing/apple/requirement-match.ts";
import { certificateSha1, parseRequirement, parseRequirements } from "../../../../signing/apple/requirement-parse.ts";
import { renderRequirement } from "../../../../signing/apple/requirement-text.ts";
import { TEAM_ID } from "../../../fakes/certificate-authority.ts";
import { authority } from "./signing.ts";

const designated = (blob: Uint8Array) => parseRequirements(blob).get(3)!;

/** A requirement blob of these words and length-prefixed values. */
function blobOf(...parts: readonly (number | string)[]): Uint8Array {
  const body = parts.map((part) => {
    const value = typeof part === "number" ? Buffer.alloc(4) : Buffer.alloc(4 + Math.ceil(part.length / 4) * 4);
    if (typeof part === "number") value.writeInt32BE(part);
    else {
      value.writeUInt32BE(part.length);
      value.write(part, 4, "latin1");
    }
    return value;
  });
  const bytes = Buffer.concat([Buffer.from("fade0c000000000000000001", "hex"), ...body]);
  bytes.writeUInt32BE(bytes.length, 4);
  return bytes;
}

test("no requirements are twelve bytes", () => {
  expect(Buffer.from(encodeNoRequirements()).toString("hex")).toBe("fade0c010000000c00000000");
});

test("the Developer ID requirement, byte for byte as codesign writes it", () => {
  // The requirement of Bun's published programs.
  expect(Buffer.from(encodeDeveloperIdRequirements("bun", "7FRXF46ZSN")).toString("hex")).toBe(
    [
      "fade0c01000000a4000000010000000300000014fade0c000000009000000001",
      "00000006000000020000000362756e00",
      "000000060000000f",
      "000000060000000e000000010000000a2a864886f76364060206000000000000",
      "000000060000000e000000000000000a2a864886f7636406010d000000000000",
      "0000000b000000000000000a7375626a6563742e4f550000000000010000000a3746525846343",
      "65a534e0000",
    ].join(""),
  );
});

test.each([
  ["bun", "7FRXF46ZSN", "identifier bun", '"7FRXF46ZSN"'],
  ["dev.erth.assistant", "HX7739G8FX", 'identifier "dev.erth.assistant"', "HX7739G8FX"],
])("the requirement of %s reads as codesign prints it", (identifier, team, first, last) => {
  expect(renderRequirement(designated(encodeDeveloperIdRequirements(identifier, team)))).toBe(
    `${first} and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and ` +
      `certificate leaf[field.1.2.840.113635.100.6.1.13] /* exists */ and certificate leaf[subject.OU] = ${last}`,
  );
});

const op = REQUIREMENT_OP;
test.each([
  [[op.or, op.and, op.true, op.false, op.not, op.anchorApple], "always and never or ! anchor apple"],
  [[op.and, op.or, op.true, op.false, op.true], "(always or never) and always"],
  [[op.not, op.and, op.true, op.true], "! (always and always)"],
  [[op.cdHash, "\x01\x02"], 'cdhash H"0102"'],
  [[op.anchorHash, -1, "\xff"], 'certificate root = H"ff"'],
  [[op.infoKeyField, "CFBundleVersion", 8, "1.2"], 'info[CFBundleVersion] >= "1.2"'],
  [[op.entitlementField, "com.example.a-b", 0], 'entitlement["com.example.a-b"] /* exists */'],
  [[op.certificateField, 2, "subject.CN", 3, 'A "b"'], 'certificate 2[subject.CN] = "A \\"b\\""*'],
  [[op.certificateField, 0, "subject.CN", 2, "\x00"], "certificate leaf[subject.CN] = *0x00*"],
  [[op.certificatePolicy, 0, "\x2a\x03", 14], "certificate leaf[policy.1.2.3] absent "],
  [
    [op.certificateFieldDate, 0, "\x2a\x03", 10, 0, 0],
    'certificate leaf[timestamp.1.2.3] < timestamp "2001-01-01T00:00:00.000Z"',
  ],
  [[op.trustedCertificates], "anchor trusted"],
  [[op.trustedCertificate, 0], "certificate leaf trusted"],
  [[op.namedAnchor, "dev"], "anchor apple dev"],
  [[op.platform, 6], "platform = 6"],
  [[op.notarized], "notarized"],
])("%j reads %s", (parts, text) => {
  expect(renderRequirement(parseRequirement(blobOf(...parts)))).toBe(text);
});

test("bytes that are no requirement are refused", () => {
  for (const parts of [
    [99],
    [op.and, op.true],
    [op.true, op.true],
    [op.identifier],
    [op.certificateField, 0, "x", 99],
  ]) {
    expect(() => parseRequirement(blobOf(...parts))).toThrow(expect.objectContaining({ code: "CODESIGN_MALFORMED" }));
  }
  const deep = Array.from({ length: 5000 }, () => op.not);
  expect(() => parseRequirement(blobOf(...deep, op.true))).toThrow(/nested deeper/);
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(25), fc.string({ maxLength: 6 })), { maxLength: 12 }), (parts) => {
      try {
        expect(renderRequirement(parseRequirement(blobOf(...parts)))).not.toBe("");
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
      }
    }),
    { numRuns: 1000 },
  );
});

test("code meets its requirement with the right identifier, chain, team and anchor, and only then", () => {
  const chain = authority.application.chain.map((der) => parseCertificate(der));
  const subject = { identifier: "dev.erth.x", cdHashes: ["ab"], chain, isAppleAnchored: true };
  const requirement = designated(encodeDeveloperIdRequirements("dev.erth.x", TEAM_ID));
  expect(meetsRequirement(requirement, subject)).toBe(true);
  expect(meetsRequirement(requirement, { ...subject, identifier: "dev.erth.y" })).toBe(false);
  expect(meetsRequirement(requirement, { ...subject, isAppleAnchored: false })).toBe(false);
  expect(meetsRequirement(requirement, { ...subject, chain: [] })).toBe(false);
  const other = authority.development.chain.map((der) => parseCertificate(der));
  expect(meetsRequirement(requirement, { ...subject, chain: other })).toBe(false);
  expect(meetsRequirement(designated(encodeDeveloperIdRequirements("dev.erth.x", "OTHERTEAM1")), subject)).toBe(false);
  const leaf = designated(encodeLeafRequirements("dev.erth.x", certificateSha1(authority.application.der)));
  expect(meetsRequirement(leaf, subject)).toBe(true);
  expect(meetsRequirement(leaf, { ...subject, chain: other })).toBe(false);
  expect(meetsRequirement(parseRequirement(blobOf(op.notarized)), subject)).toBeUndefined();
  expect(meetsRequirement(parseRequirement(blobOf(op.or, op.notarized, op.true)), subject)).toBe(true);
  expect(meetsRequirement(parseRequirement(blobOf(op.and, op.notarized, op.false)), subject)).toBe(false);
  expect(meetsRequirement(parseRequirement(blobOf(op.not, op.notarized)), subject)).toBeUndefined();
});
