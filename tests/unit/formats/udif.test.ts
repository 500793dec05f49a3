import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ErthError } from "../../../runtime/base/errors.ts";
import { openHfsPlus } from "../../../build/formats/hfs-plus-reader.ts";
import { rangeOfBytes, subRange } from "../../../build/formats/byte-range.ts";
import { hfsPartition, openUdif } from "../../../build/formats/udif-reader.ts";
import { readDiskImage } from "../../../signing/apple/udif.ts";
import { smallImage, smallVolume } from "./small-volume.ts";

const VOLUME = smallVolume([
  { path: "Notes.app" },
  { path: "Notes.app/run", content: "#!/bin/sh\n", isExecutable: true },
  { path: "Notes.app/data", content: Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * at) & 0xff)) },
  { path: "Applications", target: "/Applications" },
]);

test.each(["raw", "zlib", "lzma"] as const)(
  "an image of %s runs has the volume in it, and checksums that hold",
  async (method) => {
    const file = await smallImage(VOLUME, method);
    const image = await openUdif(rangeOfBytes(file));
    expect(image.partitions).toMatchObject([{ name: "whole disk (Apple_HFS : 0)", offset: 0, bytes: VOLUME.length }]);
    expect(Buffer.from(await image.sectors.read(0, VOLUME.length)).equals(VOLUME)).toBe(true);
    expect(await image.faults()).toEqual([]);
    const { offset, bytes } = hfsPartition(image);
    expect((await openHfsPlus(subRange(image.sectors, offset, bytes))).name).toBe("Notes");
    expect((await smallImage(VOLUME, method)).equals(file)).toBe(true);
  },
);

test("any part of the sectors can be read, whatever the runs", async () => {
  const image = await openUdif(rangeOfBytes(await smallImage(VOLUME, "zlib", 3 * 512)));
  await fc.assert(
    fc.asyncProperty(fc.nat(VOLUME.length), fc.nat(9000), async (offset, wanted) => {
      const length = Math.min(wanted, VOLUME.length - offset);
      const read = await image.sectors.read(offset, length);
      expect(Buffer.from(read).equals(VOLUME.subarray(offset, offset + length))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test("resources lie beside the block table", async () => {
  const data = Buffer.from("{\\rtf1 Be nice.}");
  const file = await smallImage(VOLUME, "zlib", 1 << 20, [{ type: "RTF ", id: 5000, name: "English", data }]);
  expect((await openUdif(rangeOfBytes(file))).resourceTypes).toEqual(["RTF "]);
});

test("what signing expects is there: trailer, property list, room for a signature", async () => {
  const file = await smallImage(VOLUME, "lzma");
  const { dataBytes, signature } = await readDiskImage(rangeOfBytes(file));
  expect([dataBytes, signature]).toEqual([file.length - 512, undefined]);
});

/** Opens everything: tables, catalog, every byte. */
async function readAll(file: Uint8Array): Promise<void> {
  const image = await openUdif(rangeOfBytes(file));
  const faults = await image.faults();
  if (faults.length > 0) throw new ErthError({ code: "DMG_DAMAGED", message: faults.join(), remedy: "" });
  const { offset, bytes } = hfsPartition(image);
  const volume = await openHfsPlus(subRange(image.sectors, offset, bytes));
  for (const entry of volume.entries) {
    if (entry.kind === "file") for await (const chunk of volume.content(entry)) void chunk;
    if (entry.kind === "link") await volume.linkTarget(entry);
  }
}

test("a file that is cut off anywhere is refused", async () => {
  const file = await smallImage(VOLUME, "zlib");
  for (let length = 0; length < file.length; length += 997) {
    await expect(readAll(file.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({ code: "DMG_DAMAGED" });
  }
});

test("a changed byte is an error of ours or changes nothing, never a crash", async () => {
  const file = await smallImage(VOLUME, "zlib");
  const end = file.length;
  await fc.assert(
    fc.asyncProperty(
      // Most of them in the tables at the end, where a byte says most.
      fc.oneof(
        fc.nat(end - 1),
        fc.integer({ min: end - 3000, max: end - 1 }),
        fc.integer({ min: end - 512, max: end - 1 }),
      ),
      fc.integer({ min: 1, max: 255 }),
      async (at, change) => {
        const changed = Uint8Array.from(file);
        changed[at] = (changed[at] ?? 0) ^ change;
        try {
          await readAll(changed);
        } catch (error) {
          if (!(error instanceof ErthError)) throw error;
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("a volume with any byte changed is an error of ours or reads as another one", async () => {
  // Where its trees are; the contents say nothing.
  const head = 12 * 4096;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1024, max: head - 1 }), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const changed = Buffer.from(VOLUME);
      changed[at] = (changed[at] ?? 0) ^ change;
      try {
        const volume = await openHfsPlus(rangeOfBytes(changed));
        for (const entry of volume.entries) {
          expect(entry.path).not.toMatch(/(^|\/)\.{0,2}(\/|$)/);
          if (entry.kind === "file") for await (const chunk of volume.content(entry)) void chunk;
        }
      } catch (error) {
        if (!(error instanceof ErthError)) throw error;
      }
    }),
    { numRuns: 400 },
  );
});

test("a run that says it unpacks to gigabytes is refused before anything is unpacked", async () => {
  const file = await smallImage(VOLUME, "zlib", 1 << 20);
  const text = file.toString("latin1");
  const base64 = /<data>([\sA-Za-z0-9+/=]+)<\/data>/.exec(text)![1]!;
  const mish = Buffer.from(base64, "base64");
  mish.writeBigUInt64BE(2n ** 40n, 16);
  mish.writeBigUInt64BE(2n ** 33n, 204 + 16);
  const lines = mish
    .toString("base64")
    .match(/.{1,52}/g)!
    .map((line) => `\t\t\t\t${line}\n`)
    .join("");
  const changed = Buffer.from(text.replace(base64, `\n${lines}\t\t\t\t`), "latin1");
  expect(changed.length).toBe(file.length);
  await expect(openUdif(rangeOfBytes(changed))).rejects.toMatchObject({ code: "DMG_DAMAGED" });
});

test("a name that would lead out of its folder is refused", async () => {
  const volume = smallVolume([{ path: "a" }, { path: "b" }, { path: "b/evil", content: "x" }]);
  const damage: readonly (readonly [from: string, to: string])[] = [
    ["evil", "../x"],
    ["evil", "..\0\0"],
  ];
  for (const [from, to] of damage) {
    const changed = Buffer.from(volume);
    const wide = (text: string): Buffer => Buffer.from(text, "utf16le").swap16();
    let at = changed.indexOf(wide(from));
    expect(at).toBeGreaterThan(0);
    for (; at >= 0; at = changed.indexOf(wide(from), at + 1)) wide(to).copy(changed, at);
    const opened = openHfsPlus(rangeOfBytes(changed)).then(({ entries }) => entries.map(({ path }) => path));
    // A slash inside a name separates nothing, so it is a harmless colon.
    if (to === "../x") expect(await opened).toContain("b/..:x");
    else await expect(opened).rejects.toMatchObject({ code: "DMG_DAMAGED" });
  }
});
