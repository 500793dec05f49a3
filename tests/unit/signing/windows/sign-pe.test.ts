import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { verifyPe } from "../../../../signing/windows/verify-pe.ts";
import { fakeSigner, type Identity } from "../../../fakes/certificate-authority.ts";
import { CHECKSUM_OFFSET, entryOffset, smallPe } from "./small-pe.ts";
import { authority, timestamps, workplace } from "./signing.ts";

const trusted = [authority.root.der];

/** The digest of an unsigned file by the document's words: the whole file but three ranges, padded to eight. */
function plainDigest(program: Buffer, format: "PE32" | "PE32+" = "PE32+"): string {
  const padded = Buffer.concat([program, Buffer.alloc((8 - (program.length % 8)) % 8)]);
  const entry = entryOffset(format);
  return createHash("sha256")
    .update(padded.subarray(0, CHECKSUM_OFFSET))
    .update(padded.subarray(CHECKSUM_OFFSET + 4, entry))
    .update(padded.subarray(entry + 8))
    .digest("hex");
}

const programs: Readonly<Record<string, [Buffer, "PE32" | "PE32+"]>> = {
  "an EXE": [smallPe(), "PE32+"],
  "a 32-bit EXE": [smallPe({ format: "PE32" }), "PE32"],
  "a DLL, as .node files are": [smallPe({ isDll: true }), "PE32+"],
  "a program with a payload": [smallPe({ overlay: Buffer.alloc(5000, "payload") }), "PE32+"],
  "a payload of odd length": [smallPe({ overlay: Buffer.alloc(13, 0xee) }), "PE32+"],
  "a payload over many pieces": [smallPe({ overlay: Buffer.alloc((3 << 20) + 5, "long payload ") }), "PE32+"],
};

test.each(Object.entries(programs))(
  "%s: digest, table, checksum and every byte of it",
  async (_, [program, format]) => {
    const tsa = await timestamps();
    const { sign, output } = await workplace(program);
    const signed = await sign({ timestampUrl: tsa.url, description: "Notes ☂ 🦄", url: "https://erth.dev/notes" });
    expect(signed).toMatchObject({ digest: plainDigest(program, format), earlier: "none", isTimestamped: true });
    expect(signed.certificates).toEqual(authority.leaf.chain);

    const file = await readFile(output);
    const expected = Buffer.from(program);
    file.copy(expected, CHECKSUM_OFFSET, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 4);
    const entry = entryOffset(format);
    file.copy(expected, entry, entry, entry + 8);
    expect(file.subarray(0, program.length).equals(expected)).toBe(true);
    const tableOffset = file.readUInt32LE(entry);
    expect(tableOffset).toBe(Math.ceil(program.length / 8) * 8);
    expect(tableOffset + file.readUInt32LE(entry + 4)).toBe(file.length);

    const { problems, signatures } = await verifyPe({ file: output, trusted });
    expect(problems).toEqual([]);
    expect(signatures).toMatchObject([
      {
        index: "0",
        digest: signed.digest,
        digestName: "sha256",
        signer: "Erth Test Publisher",
        issuer: "Erth Test Code CA",
        description: "Notes ☂ 🦄",
        url: "https://erth.dev/notes",
        timestampAuthority: "Erth Test Time Authority",
        signedAt: new Date("2026-06-01T12:00:00Z"),
      },
    ]);
  },
);

test("signing twice replaces: the second result is that of signing the original", async () => {
  const { sign, input, output } = await workplace();
  await sign();
  const once = await readFile(output);
  await writeFile(input, once);
  expect(await sign()).toMatchObject({ earlier: "replaced", isTimestamped: false });
  expect((await readFile(output)).equals(once)).toBe(true);
});

test("in place: the file is replaced, its mode kept, nothing left beside it", async () => {
  const { sign, input, folder } = await workplace();
  await chmod(input, 0o755);
  await sign({ output: input });
  expect((await stat(input)).mode & 0o777).toBe(0o755);
  expect(await readdir(folder)).toEqual(["in.exe"]);
  expect((await verifyPe({ file: input })).signatures).toHaveLength(1);
});

test.each([
  ["RSA", authority.leaf],
  ["P-256", authority.p256],
  ["P-384", authority.p384],
] as const)("a key on %s", async (_, { signer }) => {
  const tsa = await timestamps();
  const { sign, output } = await workplace();
  await sign({ signer, timestampUrl: tsa.url });
  expect((await verifyPe({ file: output, trusted })).problems).toEqual([]);
});

test("a key whose certificates come only with the signature", async () => {
  const { leaf } = authority;
  const { sign } = await workplace();
  const signed = await sign({ signer: fakeSigner("late", leaf.key, leaf.chain, true) });
  expect(signed.certificates).toEqual(leaf.chain);
});

test("a second and third signature nest inside the first, which keeps its bytes", async () => {
  const tsa = await timestamps();
  const { sign, output } = await workplace();
  await sign({ timestampUrl: tsa.url });
  const again = (identity: Identity) =>
    sign({ input: output, signer: identity.signer, append: true, timestampUrl: tsa.url });
  expect(await again(authority.p256)).toMatchObject({ earlier: "kept" });
  expect(await again(authority.extendedValidation)).toMatchObject({ earlier: "kept" });
  const { problems, signatures } = await verifyPe({ file: output, trusted });
  expect(problems).toEqual([]);
  expect(signatures.map(({ index }) => index)).toEqual(["0", "0.0", "0.1"]);
  expect(new Set(signatures.map(({ digest }) => digest)).size).toBe(1);
});

test("nesting in an unsigned file makes a plain signature; in one that was changed, it is refused", async () => {
  const { sign, output, input } = await workplace();
  expect(await sign({ append: true })).toMatchObject({ earlier: "none" });
  const file = await readFile(output);
  file[1100] = (file[1100] ?? 0) ^ 1;
  await writeFile(input, file);
  await expect(sign({ append: true })).rejects.toMatchObject({
    code: "PE_CERTIFICATE_TABLE",
    message: expect.stringContaining("is for another file"),
  });
});

test("no timestamp, no signature: the output stays as it was", async () => {
  const tsa = await timestamps();
  const { sign, folder, output } = await workplace();
  await writeFile(output, "before");
  tsa.fail({ kind: "rejection", failureBit: 0, text: "closed" });
  await expect(sign({ timestampUrl: tsa.url })).rejects.toMatchObject({ code: expect.stringMatching(/^TIMESTAMP_/) });
  expect(await readFile(output, "utf8")).toBe("before");
  expect((await readdir(folder)).sort()).toEqual(["in.exe", "out.exe"]);
});

test("a signature that is not the certificate's, and a stop: nothing is written", async () => {
  const { sign, folder } = await workplace();
  const { leaf, extendedValidation } = authority;
  const mismatched = fakeSigner("mixed up", extendedValidation.key, leaf.chain);
  await expect(sign({ signer: mismatched })).rejects.toMatchObject({ code: "KEY_MISMATCH" });
  const aborted = AbortSignal.abort(new Error("stopped"));
  await expect(sign({ signal: aborted })).rejects.toThrow("stopped");
  expect(await readdir(folder)).toEqual(["in.exe"]);
});

test("a file that is written to meanwhile is refused", async () => {
  const { sign, input, folder } = await workplace();
  const { signal } = new AbortController();
  // Asked before every piece: so this runs while the file is being read.
  signal.throwIfAborted = () => appendFileSync(input, "more");
  await expect(sign({ signal })).rejects.toMatchObject({ code: "PE_CHANGED" });
  expect(await readdir(folder)).toEqual(["in.exe"]);
});

test.each([
  [
    "data after the table",
    "PE_CERTIFICATE_TABLE",
    "follow the certificate table",
    (file: Buffer) => Buffer.concat([file, Buffer.alloc(8)]),
  ],
  ["a table cut off", "PE_CERTIFICATE_TABLE", "beyond the file", (file: Buffer) => file.subarray(0, -8)],
  [
    "a payload that its entry calls a table",
    "PE_CERTIFICATE_TABLE",
    "entry 0 of the certificate table has",
    (file: Buffer) => {
      file.fill("payload ", file.readUInt32LE(entryOffset()));
      return file;
    },
  ],
  [
    "a second entry in the table",
    "PE_CERTIFICATE_TABLE",
    "2 entries",
    (file: Buffer) => {
      const offset = file.readUInt32LE(entryOffset());
      file.writeUInt32LE((file.length - offset) * 2, entryOffset() + 4);
      return Buffer.concat([file, file.subarray(offset)]);
    },
  ],
] as const)("%s is refused, and nothing is written", async (_, code, message, damage) => {
  const { sign, output, input, folder } = await workplace();
  await sign();
  await writeFile(input, damage(await readFile(output)));
  await expect(sign({ output: join(folder, "again.exe") })).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
  expect((await readdir(folder)).sort()).toEqual(["in.exe", "out.exe"]);
});

test("files that cannot be signed are named with the reason", async () => {
  const text = await workplace(Buffer.from("#!/bin/sh\n".repeat(20)));
  await expect(text.sign()).rejects.toMatchObject({ code: "PE_NOT_PE" });
  const old = await workplace(smallPe({ directoryCount: 4 }));
  await expect(old.sign()).rejects.toMatchObject({ code: "PE_UNSUPPORTED" });
  const { sign, folder } = await workplace();
  await expect(sign({ input: join(folder, "none.exe") })).rejects.toMatchObject({ code: "PE_UNREADABLE" });
  await expect(sign({ output: join(folder, "none", "out.exe") })).rejects.toMatchObject({ code: "PE_UNWRITABLE" });
  await expect(sign({ url: "javascript:alert(1)" })).rejects.toMatchObject({ code: "AUTHENTICODE_URL" });
});
