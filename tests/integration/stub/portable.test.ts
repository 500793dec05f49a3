/** The portable Windows program: what it is made of, and that a signature covers it. */
import { execFileSync } from "node:child_process";
import { lstat, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { payloadFaults, readPayload } from "../../../build/formats/payload-reader.ts";
import { stubReaders } from "../../../build/stages/verify/container-reader.ts";
import { exec } from "../../../build/tools/exec.ts";
import { explainPe } from "../../../signing/windows/explain-pe.ts";
import { verifyPe } from "../../../signing/windows/verify-pe.ts";
import { authority, workplace } from "../../unit/signing/windows/signing.ts";
import { BATCH, packagePortable as portable } from "./portable-app.ts";
import { damageFrame } from "./small-app.ts";

const [stub] = stubReaders();
const signal = new AbortController().signal;

/** `CheckSumMappedFile`, word by word. */
function checksumOf(bytes: Buffer, field: number): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    const word = at === field || at === field + 2 ? 0 : (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    sum = (sum + word) % 0xffff || sum + word;
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum + bytes.length;
}

test("carries the app's name, version, icon and manifest, and a right checksum", async () => {
  const path = await portable({ app: { name: "Éclair 2.0 — β", version: "2.0.1" } });
  const explained = await explainPe(path);
  for (const resource of ["icon group 1", "version 1", "manifest 1"])
    expect(explained).toContain(`resource ${resource},`);
  const bytes = await readFile(path);
  expect(bytes.includes(Buffer.from("Éclair 2.0 — β\0", "utf16le"))).toBe(true);
  expect(bytes.includes('<assemblyIdentity type="win32" name="dev.example.notes" version="2.0.1.0"')).toBe(true);
  const field = bytes.readUInt32LE(60) + 24 + 64;
  expect(bytes.readUInt32LE(field)).toBe(checksumOf(bytes, field));
});

test("the payload is found behind a signature, which covers it", async () => {
  const { sign, output } = await workplace(await readFile(await portable({ ballastBytes: 1 << 20 })));
  await sign();
  const payload = await readPayload(output);
  expect(await payloadFaults(output, payload)).toEqual([]);
  expect(payload.fileBytes).toBeGreaterThan(payload.indexOffset);
  const trusted = [authority.root.der];
  const codes = async (): Promise<readonly string[]> =>
    (await verifyPe({ file: output, trusted })).problems.map(({ code }) => code);
  expect(await codes()).toEqual(["TIMESTAMP_MISSING"]);
  await damageFrame(output);
  expect(await codes()).toContain("AUTHENTICODE_DIGEST");
});

test.skipIf(stub === undefined)("this system's stub unpacks it, signed or not, and finds a changed byte", async () => {
  const path = await portable();
  const { sign, output, folder } = await workplace(await readFile(path));
  await sign();
  for (const [number, file] of [path, output].entries()) {
    const to = join(folder, `out-${number}`);
    await stub!.read({ file, folder: to, exec, signal });
    expect((await readdir(to)).sort()).toEqual(["bin", "empty", "version 漢字.txt"]);
    expect((await lstat(join(to, "empty"))).isDirectory()).toBe(true);
    expect(await readFile(join(to, "bin/start.bat"), "utf8")).toBe(BATCH);
  }
  await damageFrame(output);
  const read = stub!.read({ file: output, folder: join(folder, "damaged"), exec, signal });
  await expect(read).rejects.toThrowError(/FILE_DAMAGED/);
  expect(await readdir(folder)).not.toContain("damaged");
});

test("a link is refused before anything is compressed: only administrators can make one", async () => {
  const link = (root: string): Promise<void> => {
    execFileSync("ln", ["-s", "start.bat", join(root, "bin/again")]);
    return Promise.resolve();
  };
  await expect(portable({ change: link })).rejects.toMatchObject({
    problems: [{ code: "PACKAGE_LINK", message: expect.stringContaining("bin/again") }],
  });
});
