/** A small disk image, decoded: what moved when its bytes did. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { encodeAlias } from "../../../build/formats/alias-record.ts";
import { rangeOfBytes } from "../../../build/formats/byte-range.ts";
import { encodeFinderWindow } from "../../../build/formats/finder-window.ts";
import { FINDER_FLAG } from "../../../build/formats/hfs-plus-records.ts";
import { openHfsPlus } from "../../../build/formats/hfs-plus-reader.ts";
import { openUdif } from "../../../build/formats/udif-reader.ts";
import { licenseResources } from "../../../build/formats/udif-license.ts";
import { DATE, smallImage, smallVolume } from "../../unit/formats/small-volume.ts";

const background = encodeAlias({
  volumeName: "Éclair 2.0 — β",
  date: DATE,
  folder: { name: ".background", cnid: 16 },
  file: { name: "background.tiff", cnid: 17 },
});
const window = encodeFinderWindow({
  width: 660,
  height: 400,
  iconSize: 128,
  textSize: 13,
  icons: [
    { name: "Éclair 2.0 — β.app", x: 178, y: 180 },
    { name: "Applications", x: 482, y: 180 },
  ],
  background,
});

function hex(bytes: Uint8Array, from = 0, to = bytes.length): string {
  return Buffer.from(bytes.subarray(from, to))
    .toString("hex")
    .replaceAll(/(.{8})/g, "$1 ")
    .trim();
}

/** Offsets and words of a structure, zeros left out. */
function words(bytes: Buffer, from: number, to: number): string[] {
  const lines: string[] = [];
  for (let at = from; at < to; at += 4) {
    const word = bytes.readUInt32BE(at);
    if (word !== 0) lines.push(`  +${String(at - from).padStart(3)} ${word.toString(16).padStart(8, "0")}`);
  }
  return lines;
}

test("a small disk image", async () => {
  const volume = smallVolume(
    [
      { path: ".background" },
      { path: ".background/background.tiff", content: "II*" },
      { path: ".DS_Store", content: window },
      { path: "Applications", target: "/Applications" },
      { path: "Éclair 2.0 — β.app" },
      { path: "Éclair 2.0 — β.app/run", content: "#!/bin/sh\n", isExecutable: true },
      { path: "Éclair 2.0 — β.app/leer" },
      { path: "Éclair 2.0 — β.app/ÜBER", content: "über" },
      { path: "Éclair 2.0 — β.app/zz", content: "z" },
    ],
    "Éclair 2.0 — β",
    FINDER_FLAG.hasCustomIcon,
  );
  const file = await smallImage(volume, "lzma", 32 << 10, licenseResources("Be nice."));
  const image = await openUdif(rangeOfBytes(file));
  const opened = await openHfsPlus(rangeOfBytes(volume));
  const text = file.toString("latin1", file.indexOf("<?xml"), file.length - 512);
  const blocks = [...text.matchAll(/<data>([\s\S]*?)<\/data>/g)].map(([, data]) => Buffer.from(data!, "base64"));
  const dump = [
    `file ${file.length} bytes, sha256 ${createHash("sha256").update(file).digest("hex")}`,
    `volume ${volume.length} bytes, sha256 ${createHash("sha256").update(volume).digest("hex")}`,
    `data fork begins ${hex(file, 0, 24)}`,
    "",
    "koly",
    ...words(file.subarray(-512), 0, 512),
    "",
    text.replaceAll(/<data>[\s\S]*?<\/data>/g, "<data>…</data>"),
    "mish",
    ...words(blocks[0]!, 0, blocks[0]!.length),
    "",
    ...blocks.slice(1).map((block) => `resource ${JSON.stringify(block.toString("latin1"))}`),
    "",
    "volume header",
    ...words(volume, 1024, 1024 + 512),
    "",
    `volume ${opened.name.normalize()}, flags ${opened.rootFinderFlags.toString(16)}`,
    ...opened.entries.map(
      ({ path, kind, cnid, mode, bytes }) => `  ${cnid} ${kind} ${mode.toString(8)} ${bytes} ${JSON.stringify(path)}`,
    ),
    "",
    `.DS_Store ${window.length} bytes`,
    ...words(window, 0, 36),
    ...[...window.toString("latin1").matchAll(/(?:bwsp|icvp|icvl|vSrn|Iloc)(?:blob|type|long)/g)].map(
      ({ index, 0: name }) => `  ${name} at ${index}`,
    ),
    "",
    `alias ${background.length} bytes`,
    ...words(Buffer.concat([background, Buffer.alloc(4)]), 0, background.length),
    "",
  ];
  expect(await image.faults()).toEqual([]);
  await expect(dump.join("\n")).toMatchFileSnapshot("small.txt");
});
