import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readMsix } from "../../../../build/formats/msix-reader.ts";
import { rangeOfBytes, withFileRange } from "../../../../build/formats/byte-range.ts";
import { zipWriter } from "../../../../build/formats/zip-writer.ts";
import { readZipDirectory } from "../../../../build/formats/zip-directory.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { encodeDigests, openMsix, parseDigests, patchEnd } from "../../../../signing/windows/msix-package.ts";
import { windowsName } from "../../../../signing/windows/publisher-name.ts";
import { signMsix, type SignMsixRequest } from "../../../../signing/windows/sign-msix.ts";
import { verifyMsix } from "../../../../signing/windows/verify-msix.ts";
import { fakeSigner } from "../../../fakes/certificate-authority.ts";
import { writeThrough } from "../../../support/containers.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { APPX_FACTS, smallMsix } from "../../formats/msix-tree.ts";
import { authority, timestamps } from "./signing.ts";

const trusted = [authority.root.der];

async function signed(more: Partial<SignMsixRequest> = {}): Promise<string> {
  const output = join(await scratchFolder(), "signed.msix");
  const input = more.input ?? (await smallMsix());
  await signMsix({ output, signer: authority.leaf.signer, timestampUrl: null, fetch, ...more, input });
  return output;
}

/** Problems but that of the missing timestamp. */
async function problems(file: string): Promise<readonly string[]> {
  const found = (await verifyMsix({ file, trusted })).problems;
  return found.filter(({ code }) => code !== "TIMESTAMP_MISSING").map(({ code, message }) => `${code} ${message}`);
}

test("a signed and stamped package verifies, and its parts are what they were", async () => {
  const tsa = await timestamps();
  const input = await smallMsix();
  const file = await signed({ input, timestampUrl: tsa.url, description: "Notes", url: "https://example.com/" });
  const verified = await verifyMsix({ file, trusted });
  expect(verified.problems).toEqual([]);
  expect(verified.signature).toMatchObject({
    signer: "Erth Test Publisher",
    timestampAuthority: "Erth Test Time Authority",
    description: "Notes",
    digestName: "sha256",
    isTrusted: true,
  });
  const [before, after] = [await withFileRange(input, readMsix), await withFileRange(file, readMsix)];
  expect(after).toEqual({ ...before, isSigned: true });
  const records = await readZipDirectory(file);
  expect(records.map(({ name }) => name).slice(-2)).toEqual(["[Content_Types].xml", "AppxSignature.p7x"]);
});

test("signing again replaces the signature, in place too", async () => {
  const first = await signed();
  const second = await signed({ input: first });
  expect((await readZipDirectory(second)).length).toBe((await readZipDirectory(first)).length);
  const { earlier } = await signMsix({
    input: second,
    output: second,
    signer: authority.leaf.signer,
    timestampUrl: null,
    fetch,
  });
  expect(earlier).toBe("replaced");
  expect(await problems(second)).toEqual([]);
});

test("a certificate of another than the manifest's publisher is refused, with the words to write", async () => {
  const input = await smallMsix({ facts: { publisher: "CN=Somebody Else" } });
  const error = await signed({ input }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "MSIX_PUBLISHER",
    remedy: `write package: { msix: { publisher: "${APPX_FACTS.publisher}" } }, then erth package --format msix`,
  });
  // A key whose certificate comes with the signature is asked first.
  const late = fakeSigner("late", authority.leaf.key, authority.leaf.chain, true);
  await expect(signed({ input, signer: late })).rejects.toMatchObject({ code: "MSIX_PUBLISHER" });
  expect(await problems(await signed({ signer: late }))).toEqual([]);
});

test("what is no package, or one whose order is another's, is refused before the key is asked", async () => {
  const path = join(await scratchFolder(), "x.msix");
  await writeFile(path, Buffer.alloc(500, "no zip "));
  await expect(signed({ input: path })).rejects.toMatchObject({ code: "ZIP_DAMAGED" });
  const zip = (names: readonly string[]): Promise<void> =>
    writeThrough(path, async (sink) => {
      const writer = zipWriter(sink);
      for (const name of names) {
        await writer.add({ name, method: 0, crc32: 0, bytes: 0, compressedBytes: 0, mode: undefined }, []);
      }
      await writer.end();
    });
  const [map, types, signature] = ["AppxBlockMap.xml", "[Content_Types].xml", "AppxSignature.p7x"];
  for (const names of [["a"], [map], [types, map], [map, signature, types], [map, map, types]]) {
    await zip(names);
    await expect(signed({ input: path }), String(names)).rejects.toMatchObject({ code: "MSIX_FOREIGN" });
  }
});

test("a change of each of its pieces is named", async () => {
  const bytes = await readFile(await signed());
  const path = join(await scratchFolder(), "x.msix");
  const at = async (name: string): Promise<number> => {
    const record = (await openMsix(rangeOfBytes(bytes))).records.find((one) => one.name === name)!;
    return record.offset + 10;
  };
  const told = async (place: number): Promise<readonly string[]> => {
    const changed = Buffer.from(bytes);
    changed[place] = (changed[place] ?? 0) ^ 1;
    await writeFile(path, changed);
    return (await problems(path)).map((text) => text.replace(/^(\w+) .*: /, "$1 "));
  };
  // A date in a local header, then one in the directory: no reader looks at either.
  expect(await told(await at("bin/run%20it%2B%5B1%5D.dll"))).toEqual(["MSIX_DIGEST its files (AXPC)."]);
  const { partsEnd } = await openMsix(rangeOfBytes(bytes));
  const directory = bytes.indexOf("PK\x01\x02", partsEnd, "latin1");
  expect(await told(directory + 12)).toEqual(["MSIX_DIGEST its central directory (AXCD)."]);
});

test("an unsigned package is told as one", async () => {
  expect(await problems(await smallMsix())).toEqual([expect.stringMatching(/^MSIX_UNSIGNED /)]);
});

test("whatever byte is changed, something is wrong, and nothing is thrown", async () => {
  const bytes = await readFile(await signed());
  const path = join(await scratchFolder(), "x.msix");
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (place, flip) => {
      const changed = Buffer.from(bytes);
      changed[place] = (changed[place] ?? 0) ^ flip;
      await writeFile(path, changed);
      const found = await problems(path);
      // The signature's own part is under no signature: its dates and the directory's record of it.
      if (found.length === 0) expect(place).toBeGreaterThan((await openMsix(rangeOfBytes(bytes))).partsEnd - 1);
    }),
    { numRuns: 60 },
  );
});

test("no cut of a signed package verifies", async () => {
  const bytes = await readFile(await signed());
  const path = join(await scratchFolder(), "x.msix");
  for (let end = 0; end < bytes.length; end += 211) {
    await writeFile(path, bytes.subarray(0, end));
    expect(await problems(path), `cut at ${end}`).not.toEqual([]);
  }
});

test("digests are read as they are written, and nothing else is", () => {
  const digests = new Map([
    ["AXPC", Buffer.alloc(32, 1)],
    ["AXBM", Buffer.alloc(32, 2)],
  ] as const);
  const blob = encodeDigests(digests);
  expect(parseDigests(blob, 32)).toEqual(digests);
  for (const bad of [blob.subarray(1), blob.subarray(0, 41), Buffer.concat([blob, blob.subarray(4)])]) {
    expect(parseDigests(bad, 32)).toBeUndefined();
  }
});

test("end records keep what points to Zip64, and only that", () => {
  const end = Buffer.alloc(56 + 20 + 22);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeUInt32LE(0xffffffff, 56 + 20 + 16);
  const patched = patchEnd(end, { offset: 5_000_000_000, length: 70, count: 3 });
  expect(patched.readBigUInt64LE(48)).toBe(5_000_000_000n);
  expect(patched.readBigUInt64LE(56 + 8)).toBe(5_000_000_070n);
  expect(patched.readUInt32LE(56 + 20 + 16)).toBe(0xffffffff);
  expect(patched.readUInt16LE(56 + 20 + 8)).toBe(3);
  expect(() => patchEnd(Buffer.alloc(22), { offset: 5_000_000_000, length: 70, count: 3 })).toThrow("Zip64");
});

test("a subject in the words of Windows", () => {
  expect(windowsName(parseCertificate(authority.leaf.der).subject)).toBe(APPX_FACTS.publisher);
  expect(
    windowsName([
      { oid: "2.5.4.6", value: "US" },
      { oid: "2.5.4.8", value: "Washington" },
      { oid: "2.5.4.10", value: 'Quotes "R" Us, Inc.' },
      { oid: "1.3.6.1.4.1.311.60.2.1.3", value: "US" },
      { oid: "2.5.4.3", value: " x" },
    ]),
  ).toBe('CN=" x", OID.1.3.6.1.4.1.311.60.2.1.3=US, O="Quotes ""R"" Us, Inc.", S=Washington, C=US');
});
