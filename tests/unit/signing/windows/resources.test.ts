import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Data, NtExecutable, NtExecutableResource, Resource } from "resedit";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeIco, ICO_SIZES } from "../../../../build/formats/ico.ts";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { renderAppManifest } from "../../../../signing/windows/app-manifest.ts";
import { peChecksum } from "../../../../signing/windows/checksum.ts";
import { type Pe, parsePe } from "../../../../signing/windows/pe.ts";
import { parseResources } from "../../../../signing/windows/resource-tree.ts";
import { setResources, type SetResourcesRequest } from "../../../../signing/windows/resources.ts";
import { verifyPe } from "../../../../signing/windows/verify-pe.ts";
import { fourPartVersion } from "../../../../signing/windows/version-info.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { authority, signedProgram, workplace } from "./signing.ts";
import { CHECKSUM_OFFSET, entryOffset, OPTIONAL_OFFSET, type SmallPe, smallPe } from "./small-pe.ts";

const icon = encodeIco(
  ICO_SIZES.map((size) => ({
    size,
    rgba: Uint8Array.from({ length: size * size * 4 }, (_, at) => (at * 7) & 0xff),
    png: Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(500, size & 0xff)]),
  })),
);
const version = {
  name: "Notes ☂ 日本 🦄",
  version: "1.4.2-beta.3",
  publisher: "Müller & Söhne",
  fileName: "notes.exe",
};
const manifest = renderAppManifest({ identifier: "dev.erth.notes", version: fourPartVersion(version.version) });
const everything = { icon, version, manifest };
const blob = Buffer.from(Array.from({ length: 70_001 }, (_, at) => (at * 31) & 0xff));
const vendorResources = [
  { type: 3, id: 1, bytes: Buffer.alloc(40, 3) },
  { type: 10, id: "NODE_SEA_BLOB", bytes: blob },
  { type: 10, id: "OTHER", bytes: Buffer.alloc(1, 9) },
  { type: 14, id: "IDI_MYICON", bytes: Buffer.alloc(20, 14) },
  { type: 16, id: 1, bytes: Buffer.alloc(30, 16) },
  { type: 24, id: 1, bytes: Buffer.from("<vendor/>") },
];

interface Edited {
  readonly file: Buffer;
  readonly pe: Pe;
  readonly result: Awaited<ReturnType<typeof setResources>>;
}

async function edit(program: Buffer, request: Partial<SetResourcesRequest> = everything): Promise<Edited> {
  const folder = await scratchFolder();
  const input = join(folder, "in.exe");
  const output = join(folder, "out.exe");
  await writeFile(input, program);
  const result = await setResources({ input, output, ...request });
  const file = await readFile(output);
  return { file, pe: parsePe(file, file.length), result };
}

/** Read by another parser than the writer's. */
function resourcesOf({ file, pe }: Edited): Map<string, Uint8Array> {
  const rsrc = pe.sections.find(({ name }) => name === ".rsrc");
  if (!rsrc) throw new Error("there is no .rsrc");
  const section = file.subarray(rsrc.rawOffset, rsrc.rawOffset + rsrc.rawBytes);
  const found = parseResources(section, rsrc.virtualAddress);
  return new Map(
    found.map(({ type, id, offset, length }) => [`${type}/${id}`, section.subarray(offset, offset + length)]),
  );
}

const programs: Readonly<Record<string, SmallPe>> = {
  "resources before relocations": { resources: vendorResources },
  "relocations after resources in the file, before them in memory": {
    resources: vendorResources,
    hasRelocationsBefore: true,
  },
  "resources at the end": { resources: vendorResources, hasRelocations: false },
  "no resources": {},
  "no resources, relocations not last": { lastSection: ".symtab" },
  "32 bits": { format: "PE32", resources: vendorResources },
  "a payload": { resources: vendorResources, overlay: Buffer.alloc(777, "payload") },
  "a payload and no resources": { overlay: Buffer.alloc(777, "payload") },
};

test.each(Object.entries(programs))(
  "%s: all is there, everything else is kept, and it can be signed",
  async (_, options) => {
    const program = smallPe(options);
    const edited = await edit(program);
    const { file, pe, result } = edited;
    const before = parsePe(program, program.length);
    expect(result.hasDroppedSignature).toBe(false);

    // Sections follow each other in memory and in the file, and the image covers them.
    let address = 0;
    for (const section of [...pe.sections].sort((a, b) => a.virtualAddress - b.virtualAddress)) {
      expect(section.virtualAddress).toBeGreaterThanOrEqual(address);
      expect(section.virtualAddress % pe.sectionAlignment).toBe(0);
      address = section.virtualAddress + section.virtualSize;
    }
    expect(pe.sizeOfImage).toBe(Math.ceil(address / pe.sectionAlignment) * pe.sectionAlignment);
    for (const old of before.sections.filter(({ name }) => name !== ".rsrc")) {
      const now = pe.sections.find(({ name }) => name === old.name);
      expect(now?.rawBytes).toBe(old.rawBytes);
      const bytes = (from: Buffer, at = 0) => from.subarray(at, at + old.rawBytes);
      expect(bytes(file, now?.rawOffset).equals(bytes(program, old.rawOffset)), old.name).toBe(true);
    }
    const relocations = pe.sections.find(({ name }) => name === ".reloc");
    if (relocations) expect(pe.directories[5]).toEqual({ address: relocations.virtualAddress, size: 12 });
    expect(file.subarray(pe.imageEnd).equals(options.overlay ?? Buffer.alloc(0))).toBe(true);
    const sum = peChecksum();
    sum.add(file.subarray(0, CHECKSUM_OFFSET), 0);
    sum.add(file.subarray(CHECKSUM_OFFSET + 4), CHECKSUM_OFFSET + 4);
    expect(pe.checksum).toBe(sum.value(file.length));

    const resources = resourcesOf(edited);
    expect(Buffer.from(resources.get("24/1") ?? []).toString("utf8")).toBe(manifest);
    if (options.resources) {
      expect(Buffer.from(resources.get("10/NODE_SEA_BLOB") ?? []).equals(blob)).toBe(true);
      const place = result.resources.find(({ id }) => id === "NODE_SEA_BLOB");
      const at = place?.fileOffset ?? 0;
      expect(file.subarray(at, at + blob.length).equals(blob)).toBe(true);
      expect(resources.has("10/OTHER")).toBe(true);
      expect(resources.has("14/IDI_MYICON")).toBe(false);
    }

    const { sign, output } = await workplace(file);
    await sign();
    const { problems } = await verifyPe({ file: output, trusted: [authority.root.der] });
    expect(problems.map(({ code }) => code)).toEqual(["TIMESTAMP_MISSING"]);
  },
);

test("the pictures are those of the .ico, byte for byte, and the group names each", async () => {
  const edited = await edit(smallPe({ resources: vendorResources }));
  const resources = resourcesOf(edited);
  const directory = Buffer.from(icon);
  for (let index = 0; index < ICO_SIZES.length; index += 1) {
    const length = directory.readUInt32LE(6 + index * 16 + 8);
    const offset = directory.readUInt32LE(6 + index * 16 + 12);
    const picture = Buffer.from(resources.get(`3/${index + 1}`) ?? []);
    expect(picture.equals(directory.subarray(offset, offset + length)), `picture ${index}`).toBe(true);
  }
  const group = Buffer.from(resources.get("14/1") ?? []);
  expect(group.readUInt16LE(4)).toBe(ICO_SIZES.length);
  expect(ICO_SIZES.map((_, index) => group[6 + index * 14])).toEqual(ICO_SIZES.map((size) => size % 256));
});

test("version information says name, publisher and version, a beta as such", async () => {
  const { file } = await edit(smallPe({ isDll: true }));
  const entries = NtExecutableResource.from(NtExecutable.from(file)).entries;
  const [info] = Resource.VersionInfo.fromEntries(entries);
  expect(info?.getStringValues({ lang: 0x409, codepage: 1200 })).toEqual({
    CompanyName: "Müller & Söhne",
    FileDescription: "Notes ☂ 日本 🦄",
    FileVersion: "1.4.2.0",
    InternalName: "notes.exe",
    OriginalFilename: "notes.exe",
    ProductName: "Notes ☂ 日本 🦄",
    ProductVersion: "1.4.2-beta.3",
  });
  expect(info?.fixedInfo).toMatchObject({
    fileVersionMS: 0x0001_0004,
    fileVersionLS: 0x0002_0000,
    fileFlags: 2,
    fileType: 2,
  });
  expect(entries.filter(({ type }) => type === 24).map(({ id }) => id)).toEqual([2]);
});

test.each(["1.2", "v1.2.3.4", "65536.0.0", "", "1.0.70000"])("%s is no Windows version", (text) => {
  expect(() => fourPartVersion(text)).toThrow(expect.objectContaining({ code: "WINDOWS_VERSION" }));
});

test("the manifest asks for UTF-8, sharp monitors, long paths and no administrator", () => {
  expect(manifest).toContain(">UTF-8</activeCodePage>");
  expect(manifest).toContain(">PerMonitorV2</dpiAwareness>");
  expect(manifest).toContain(">true</longPathAware>");
  expect(manifest).toContain('level="asInvoker"');
  expect(manifest).toContain('name="dev.erth.notes" version="1.4.2.0"');
  expect(renderAppManifest({ identifier: `a&"<b`, version: [1, 0, 0, 0] })).toContain('name="a&amp;&quot;&lt;b"');
});

test("a vendor's signature is dropped, and said to be; the payload before it stays", async () => {
  const overlay = Buffer.alloc(16, "payload!");
  const signed = await signedProgram(smallPe({ resources: vendorResources, overlay }));
  const { file, pe, result } = await edit(signed);
  expect(result.hasDroppedSignature).toBe(true);
  expect(pe.directories[4]).toEqual({ address: 0, size: 0 });
  expect(file.subarray(pe.imageEnd).equals(overlay)).toBe(true);
});

test("only what is given is replaced", async () => {
  const resources = resourcesOf(await edit(smallPe({ resources: vendorResources }), { manifest }));
  expect(Buffer.from(resources.get("16/1") ?? []).equals(Buffer.alloc(30, 16))).toBe(true);
  expect(Buffer.from(resources.get("14/IDI_MYICON") ?? []).equals(Buffer.alloc(20, 14))).toBe(true);
});

test("twice the same is the same bytes; fewer resources shrink the section again", async () => {
  const once = await edit(smallPe({ resources: vendorResources }));
  const twice = await edit(once.file);
  expect(twice.file.length).toBe(once.file.length);
  expect(resourcesOf(twice)).toEqual(resourcesOf(once));
  const small = encodeIco([{ size: 16, rgba: new Uint8Array(1024), png: Buffer.alloc(0) }]);
  expect((await edit(once.file, { icon: small })).file.length).toBeLessThan(once.file.length);
});

test.each([
  ["a section after the resources", { resources: vendorResources, lastSection: ".late" }, "cannot grow"],
  ["headers without room", { sizeOfHeaders: 512, lastSection: ".late" }, "no room for one more section"],
] as const)("%s is refused, and nothing is written", async (_, options, message) => {
  const folder = await scratchFolder();
  const input = join(folder, "in.exe");
  await writeFile(input, smallPe(options));
  const output = join(folder, "out.exe");
  await expect(setResources({ input, output, ...everything })).rejects.toMatchObject({
    code: "PE_UNSUPPORTED",
    message: expect.stringContaining(message),
  });
  expect(await readdir(folder)).toEqual(["in.exe"]);
});

test("damaged icons, sections and tables are refused with a code", async () => {
  for (const length of [0, 5, 20, 100, icon.length - 1]) {
    await expect(edit(smallPe(), { icon: icon.subarray(0, length) }), `${length}`).rejects.toMatchObject({
      code: "ICON_INVALID",
    });
  }
  const overlapping = smallPe({ resources: vendorResources });
  overlapping.writeUInt32LE(512, OPTIONAL_OFFSET + 240 + 40 + 20); // PointerToRawData of .rsrc: in the headers
  await expect(edit(overlapping)).rejects.toMatchObject({ code: "PE_UNSUPPORTED" });
  const dangling = smallPe();
  dangling.writeUInt32LE(1 << 20, entryOffset());
  dangling.writeUInt32LE(64, entryOffset() + 4);
  await expect(edit(dangling)).rejects.toMatchObject({ code: "PE_CERTIFICATE_TABLE" });
});

test("any bytes in a resource directory: an error with a code, or resources inside the section", () => {
  const file = smallPe({ resources: vendorResources });
  const { rawOffset, rawBytes, virtualAddress } = parsePe(file, file.length).sections[1] ?? {
    rawOffset: 0,
    rawBytes: 0,
    virtualAddress: 0,
  };
  const section = file.subarray(rawOffset, rawOffset + rawBytes);
  const change = fc.record({ at: fc.nat(400), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const damaged = Buffer.from(section);
      for (const { at, value } of changes) damaged[at] = value;
      check(damaged);
    }),
    { numRuns: 2000 },
  );
  for (let length = 0; length < 500; length += 1) check(section.subarray(0, length));

  function check(bytes: Uint8Array): void {
    try {
      for (const { offset, length } of parseResources(bytes, virtualAddress)) {
        expect(offset + length).toBeLessThanOrEqual(bytes.length);
      }
    } catch (cause) {
      expect(cause).toBeInstanceOf(ErthError);
    }
  }
});

test("the .ico reader of the library and ours agree", () => {
  expect(Data.IconFile.from(icon).icons).toHaveLength(ICO_SIZES.length);
});
