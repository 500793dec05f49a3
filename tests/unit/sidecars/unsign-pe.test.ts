import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { signatureOf, unsignPe } from "../../../build/sidecars/unsign-pe.ts";
import { ErthError } from "../../../runtime/base/errors.ts";

const folder = mkdtempSync(join(tmpdir(), "erth-unsign-"));
afterAll(() => rmSync(folder, { recursive: true }));

function program(certificates: Buffer): Buffer {
  const file = Buffer.alloc(600, 0x11);
  file.write("MZ", 0, "latin1");
  file.writeUInt32LE(0x80, 0x3c);
  file.write("PE\0\0", 0x80, "latin1");
  file.writeUInt16LE(0x20b, 0x98);
  file.writeUInt32LE(0xabcd, 0x98 + 64);
  file.writeUInt32LE(certificates.length === 0 ? 0 : 600, 0x98 + 144);
  file.writeUInt32LE(certificates.length, 0x98 + 148);
  return Buffer.concat([file, certificates]);
}

test("the certificate table, its entry and the checksum go; every other byte stays", async () => {
  const before = program(Buffer.alloc(40, 0xcc));
  writeFileSync(join(folder, "in.exe"), before);
  await unsignPe(join(folder, "in.exe"), join(folder, "out.exe"));
  const after = readFileSync(join(folder, "out.exe"));
  const expected = Buffer.from(before.subarray(0, 600));
  expected.fill(0, 0x98 + 64, 0x98 + 68).fill(0, 0x98 + 144, 0x98 + 152);
  expect(after).toEqual(expected);
});

test("an unsigned program keeps its length", async () => {
  writeFileSync(join(folder, "plain.exe"), program(Buffer.alloc(0)));
  await unsignPe(join(folder, "plain.exe"), join(folder, "plain-out.exe"));
  expect(readFileSync(join(folder, "plain-out.exe")).length).toBe(600);
});

test("headers cut short at any byte are refused with a code", () => {
  const head = program(Buffer.alloc(0));
  for (let length = 0; length < 0x98 + 152; length++) {
    expect(() => signatureOf(head.subarray(0, length)), `${length} bytes`).toThrow(ErthError);
  }
});
