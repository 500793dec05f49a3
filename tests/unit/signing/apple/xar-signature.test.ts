import { createHash, createPublicKey, randomBytes, verify, X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { rangeOfBytes } from "../../../../build/formats/byte-range.ts";
import { readXar } from "../../../../build/formats/xar.ts";
import { signXar } from "../../../../signing/apple/xar-signature.ts";
import { parseXarToc } from "../../../../build/formats/xar-toc.ts";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { appleAuthority, fakeSigner } from "../../../fakes/certificate-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { smallXar, type SmallXarOptions } from "./notary/small-xar.ts";

const FILES = {
  Distribution: Buffer.from("<installer-gui-script/>"),
  Payload: randomBytes(5000),
  Bom: randomBytes(300),
};
const installer = appleAuthority().installer;
const when = new Date("2026-06-01T12:00:00Z");

async function place(bytes: Uint8Array) {
  const folder = await scratchFolder();
  const path = join(folder, "in.pkg");
  await writeFile(path, bytes);
  return { path, output: join(folder, "out.pkg"), fileName: "in.pkg", signer: installer.signer, signingTime: when };
}

async function signed(options?: SmallXarOptions): Promise<Buffer> {
  const request = await place(smallXar(FILES, options));
  await signXar(request);
  return await readFile(request.output);
}

test("checksum, RSA and CMS lead the heap, and the RSA signature is over the checksum itself", async () => {
  const bytes = await signed();
  const { toc, checksum, checksumStyle, heapOffset } = await readXar(rangeOfBytes(bytes));
  expect(checksumStyle).toBe("sha256");
  const compressed = bytes.subarray(28, 28 + Number(bytes.readBigUInt64BE(8)));
  expect(Buffer.from(checksum).equals(createHash("sha256").update(compressed).digest())).toBe(true);
  const [rsa, cms] = toc.signatures;
  expect([rsa!.style, cms!.style]).toEqual(["RSA", "CMS"]);
  expect([rsa!.offset, cms!.offset]).toEqual([32, 32 + rsa!.size]);
  expect(rsa!.certificates.map((der) => new X509Certificate(der).subject)).toEqual(
    installer.chain.map((der) => new X509Certificate(der).subject),
  );
  // Raw PKCS #1: the message whose SHA-256 is signed is the compressed table.
  const signature = bytes.subarray(heapOffset + rsa!.offset, heapOffset + rsa!.offset + rsa!.size);
  const key = createPublicKey(
    new X509Certificate(rsa!.certificates[0]!).publicKey.export({ format: "pem", type: "spki" }),
  );
  expect(verify("sha256", compressed, key, signature)).toBe(true);
});

test("every file's data is where the new table says, and what is not understood is still there", async () => {
  const extraXml =
    '<signature-creation-time>1</signature-creation-time><x-odd a="&lt;&amp;&quot;">t &amp; u<y/></x-odd>';
  const bytes = await signed({ extraXml });
  const before = await readXar(rangeOfBytes(smallXar(FILES, { extraXml })));
  const after = await readXar(rangeOfBytes(bytes));
  const original = smallXar(FILES, { extraXml });
  for (const [index, { offset, length }] of after.toc.data.entries()) {
    const old = before.toc.data[index]!;
    expect(length).toBe(old.length);
    const now = bytes.subarray(after.heapOffset + offset, after.heapOffset + offset + length);
    expect(now.equals(original.subarray(before.heapOffset + old.offset, before.heapOffset + old.offset + length))).toBe(
      true,
    );
  }
  expect(after.toc.root.children[0]).toMatchObject({ name: "toc" });
  expect(JSON.stringify(after.toc.root)).toContain(
    '"name":"x-odd","attributes":{"a":"<&\\""},"children":["t & u",{"name":"y"',
  );
});

test("signing again replaces the signatures", async () => {
  const once = await signed();
  const request = await place(once);
  await signXar(request);
  expect((await readFile(request.output)).equals(once)).toBe(true);
});

test("a certificate that is known only after signing, or no RSA key, is refused before anything is written", async () => {
  const request = await place(smallXar(FILES));
  const late = fakeSigner("late", installer.key, installer.chain, true);
  await expect(signXar({ ...request, signer: late })).rejects.toMatchObject({ code: "XAR_CERTIFICATE" });
  await expect(readFile(request.output)).rejects.toThrow("ENOENT");
});

test("a key that does not fit its certificate is noticed", async () => {
  const request = await place(smallXar(FILES));
  const stranger = fakeSigner("stranger", appleAuthority().root.key, installer.chain);
  await expect(signXar({ ...request, signer: stranger })).rejects.toMatchObject({ code: "KEY_MISMATCH" });
});

test("data that lies where signatures belong is not overwritten", async () => {
  const bytes = smallXar(FILES, {
    extraXml: '<file id="9"><data><length>3</length><offset>5</offset><size>3</size></data><name>x</name></file>',
  });
  await expect(signXar(await place(bytes))).rejects.toMatchObject({
    code: "XAR_DAMAGED",
    message: expect.stringContaining("before the end"),
  });
});

test("no cut of a package is taken for a whole one", async () => {
  const bytes = await signed();
  for (let end = 0; end < bytes.length; end += 61) {
    await expect(readXar(rangeOfBytes(bytes.subarray(0, end)))).rejects.toMatchObject({
      code: expect.stringMatching(/^XAR_/),
    });
  }
});

test("a changed byte of header or table is noticed", async () => {
  const bytes = smallXar(FILES);
  const tableEnd = 28 + Number(bytes.readBigUInt64BE(8));
  for (let at = 0; at < tableEnd; at += 1) {
    // The header's number of the checksum is not read: the table names it.
    if (at >= 24 && at < 28) continue;
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 0x41;
    await expect(readXar(rangeOfBytes(changed)), `byte ${at}`).rejects.toBeInstanceOf(ErthError);
  }
});

test("a table that unpacks to gigabytes is not unpacked", async () => {
  const { deflateSync } = await import("node:zlib");
  const bomb = deflateSync(Buffer.alloc(64 << 20));
  const header = Buffer.from(smallXar({}).subarray(0, 28));
  header.writeBigUInt64BE(BigInt(bomb.length), 8);
  header.writeBigUInt64BE(1000n, 16);
  await expect(readXar(rangeOfBytes(Buffer.concat([header, bomb])))).rejects.toMatchObject({ code: "XAR_DAMAGED" });
});

test("whatever the XML is, it is a table or XAR_TOC", () => {
  const xml = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc
      .array(
        fc.constantFrom(
          "<xar>",
          "<toc>",
          "</toc>",
          "</xar>",
          '<checksum style="sha1">',
          "</checksum>",
          "<offset>0</offset>",
          "<size>20</size>",
          "<data>",
          "</data>",
          "&x;",
          "<!DOCTYPE a [<!ENTITY x 'y'>]>",
        ),
      )
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(xml, (text) => {
      try {
        parseXarToc(text);
      } catch (error) {
        expect(error).toMatchObject({ code: "XAR_TOC" });
      }
    }),
    { numRuns: 500 },
  );
  expect(() => parseXarToc("<a>".repeat(300))).toThrow("nested");
});
