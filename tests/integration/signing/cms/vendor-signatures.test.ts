import { expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { parseSignedData } from "../../../../signing/cms/parse-signed-data.ts";
import { verifySignedData } from "../../../../signing/cms/verify-signed-data.ts";
import { inspectCertificate } from "../../../../signing/keys/inspect-certificate.ts";
import { machOSignature, peSignature, vendorFile } from "./vendor-signatures.ts";

const NOW = new Date("2026-06-01T00:00:00Z");

test.each([
  ["bun/darwin-arm64", "bin/bun", "7FRXF46ZSN"],
  ["bun/darwin-x64", "bin/bun", "7FRXF46ZSN"],
  ["node/darwin-arm64", "bin/node", "HX7739G8FX"],
  ["node/darwin-x64", "bin/node", "HX7739G8FX"],
])("Apple's BER signature of %s verifies, with its timestamp and chain", async (entry, path, teamId) => {
  const { cms, codeDirectory } = await machOSignature(await vendorFile(entry, path));
  expect(cms.subarray(0, 2)).toEqual(Buffer.from("3080", "hex"));
  const signed = parseSignedData(cms);
  const { problems, chain, timestamps } = verifySignedData(signed, codeDirectory);
  expect(problems).toEqual([]);
  expect(timestamps).toHaveLength(1);
  expect(chain?.certificates).toHaveLength(3);
  expect(chain?.missingIssuer).toBeUndefined();
  const report = inspectCertificate(chain!.certificates[0]!, NOW);
  expect(report).toMatchObject({ purpose: "developer-id-application", teamId, key: "rsa 2048", daysLeft: 245 });
  codeDirectory[100] = (codeDirectory[100] ?? 0) ^ 1;
  expect(verifySignedData(signed, codeDirectory).problems).toMatchObject([{ code: "CMS_DIGEST" }]);
});

test.each([
  ["bun/win32-x64", "bin/bun.exe", "Codeblog CORP", "organization"],
  ["node/win32-x64", "bin/node.exe", "OpenJS Foundation", undefined],
])("the Authenticode signature of %s verifies, with its timestamp", async (entry, path, name, validation) => {
  const signed = parseSignedData(await peSignature(await vendorFile(entry, path)));
  const { problems, chain, timestamps } = verifySignedData(signed);
  expect(problems).toEqual([]);
  expect(timestamps).toHaveLength(1);
  const report = inspectCertificate(chain!.certificates[0]!, NOW);
  expect(report).toMatchObject({ name, purpose: "code-signing", validation, key: "rsa 3072" });
});

test("2,000 mutated and cut copies of real signatures are an error or told, and quickly", async () => {
  const { cms, codeDirectory } = await machOSignature(await vendorFile("node/darwin-arm64", "bin/node"));
  const samples = [cms, await peSignature(await vendorFile("bun/win32-x64", "bin/bun.exe"))];
  const random = mulberry(1);
  const started = performance.now();
  for (let round = 0; round < 2000; round++) {
    const sample = samples[round % samples.length] ?? cms;
    const copy = Buffer.from(sample);
    const edits = 1 + (random() % 4);
    for (let edit = 0; edit < edits; edit++) copy[random() % copy.length] = random() & 0xff;
    const mutated = round % 5 === 0 ? copy.subarray(0, random() % copy.length) : copy;
    try {
      const signed = parseSignedData(mutated);
      // Checking signatures takes longer than all the rest: a part of them is enough.
      if (round % 8 === 0) verifySignedData(signed, codeDirectory);
    } catch (cause) {
      expect(cause).toBeInstanceOf(ErthError);
    }
  }
  expect(performance.now() - started).toBeLessThan(20_000);
});

test("no prefix of a real signature is accepted", async () => {
  const { cms } = await machOSignature(await vendorFile("bun/darwin-arm64", "bin/bun"));
  const { length } = parseSignedData(cms).certificates;
  expect(length).toBe(3);
  const end = cms.length;
  for (let cut = 0; cut < end; cut += 7) expect(() => parseSignedData(cms.subarray(0, cut))).toThrow(ErthError);
});

/** A small seeded generator: the same mutations in every run. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
