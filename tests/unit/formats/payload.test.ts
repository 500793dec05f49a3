import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { payloadFaults, readPayload } from "../../../build/formats/payload-reader.ts";
import { encodeTail, findFooters, parseIndex, staysInside, type PayloadIndex } from "../../../build/formats/payload.ts";
import { stubPath } from "../../../build/stub/targets.ts";
import { scratchFolder } from "../../support/scratch.ts";

const RAW = Buffer.from("#!/bin/sh\nexit 0\n");
const FRAME = zstdCompressSync(RAW);
const STUB = Buffer.from("a stub");
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

function index(change: Partial<PayloadIndex> = {}): PayloadIndex {
  return {
    v: 1,
    app: { name: "漢字 “Notes”", slug: "notes", identifier: "dev.example.notes", version: "1.2.3" },
    id: "0123456789abcdef",
    launch: { executable: "bin/start", args: [], cwd: "", env: {} },
    requirements: [],
    frames: [{ offset: STUB.length, length: FRAME.length, rawLength: RAW.length, filter: "none", sha256: sha256(RAW) }],
    entries: [
      { type: "folder", path: "bin" },
      {
        type: "file",
        path: "bin/start",
        mode: 0o755,
        size: RAW.length,
        sha256: sha256(RAW),
        slices: [{ frame: 0, offset: 0, length: RAW.length }],
      },
      { type: "link", path: "bin/again", target: "start" },
    ],
    ...change,
  };
}

function fileOf(change: Partial<PayloadIndex> = {}): Buffer {
  const head = Buffer.concat([STUB, FRAME]);
  return Buffer.concat([head, encodeTail(index(change), head.length)]);
}

async function written(bytes: Buffer): Promise<string> {
  const path = join(await scratchFolder(), "file");
  await writeFile(path, bytes);
  return path;
}

test("a payload reads back, and its frames hold", async () => {
  const path = await written(fileOf());
  const payload = await readPayload(path);
  expect(payload.index).toEqual(index());
  expect(await payloadFaults(path, payload)).toEqual([]);
});

test("the footer is found behind something that was appended, even a footer's likeness", async () => {
  const path = await written(Buffer.concat([fileOf(), Buffer.from("ERTHPAY1 signature".padEnd(9000, "x"))]));
  expect((await readPayload(path)).index).toEqual(index());
});

test("a single file in the middle of another is read, with offsets in that one", async () => {
  const [before, after] = [Buffer.alloc(70_001, 1), Buffer.alloc(5000, 2)];
  const path = await written(Buffer.concat([before, fileOf(), after]));
  const payload = await readPayload(path);
  expect(payload.origin).toBe(before.length);
  expect(payload.index.frames.map(({ offset }) => offset)).toEqual([before.length + STUB.length]);
  expect(await payloadFaults(path, payload)).toEqual([]);
});

test("a certificate table of any length does not hide the payload of a Windows program", async () => {
  const program = readFileSync(stubPath("win32-x64"));
  const optional = program.readUInt32LE(60) + 24;
  const head = Buffer.concat([program, FRAME]);
  const frames = [{ ...index().frames[0]!, offset: program.length }];
  const whole = Buffer.concat([head, encodeTail(index({ frames }), head.length)]);
  const padding = Buffer.alloc((8 - (whole.length % 8)) % 8);
  const table = Buffer.alloc(200_000, 3);
  whole.writeUInt32LE(whole.length + padding.length, optional + 112 + 4 * 8);
  whole.writeUInt32LE(table.length, optional + 112 + 4 * 8 + 4);
  const path = await written(Buffer.concat([whole, padding, table]));
  const payload = await readPayload(path);
  expect(payload.origin).toBe(0);
  expect(await payloadFaults(path, payload)).toEqual([]);
});

test("no file that was cut off is read", async () => {
  const whole = fileOf();
  const path = join(await scratchFolder(), "file");
  for (let length = 0; length < whole.length; length += 1) {
    // Cuts within the last 8 bytes leave only the footer's zeros out, which is as bad.
    await writeFile(path, whole.subarray(0, length));
    await expect(readPayload(path), `cut at ${length}`).rejects.toMatchObject({ code: "PAYLOAD_DAMAGED" });
  }
});

test("a changed byte is found, wherever it is", async () => {
  const whole = fileOf();
  const path = join(await scratchFolder(), "file");
  for (let at = STUB.length; at < whole.length - 8; at += 3) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    await writeFile(path, damaged);
    const faults = await readPayload(path).then(
      (payload) => payloadFaults(path, payload),
      (error: unknown) => [String(error)],
    );
    expect(faults, `byte ${at}`).not.toEqual([]);
  }
});

test("indexes that contradict themselves are refused", () => {
  const [folder, file, link] = index().entries;
  if (file?.type !== "file" || !folder || !link) throw new Error("the fixture changed");
  const bad: Record<string, Partial<PayloadIndex>> = {
    "leaves by ..": { entries: [{ type: "folder", path: "../x" }] },
    absolute: { entries: [{ type: "folder", path: "/x" }] },
    "a folder missing": { entries: [file] },
    twice: { entries: [folder, file, file] },
    "through a link": { entries: [folder, file, { type: "link", path: "l", target: "bin" }, { ...file, path: "l/x" }] },
    "a link that leaves": { entries: [folder, file, { type: "link", path: "bin/l", target: "../../etc" }] },
    "an absolute link": { entries: [folder, file, { type: "link", path: "l", target: "/etc" }] },
    "too short": { entries: [folder, { ...file, size: 99 }] },
    "no such frame": { entries: [folder, { ...file, slices: [{ frame: 7, offset: 0, length: RAW.length }] }] },
    "bytes twice": { entries: [folder, file, { ...file, path: "bin/other" }] },
    "the mark": { entries: [folder, file, { type: "folder", path: ".ok" }] },
    "no such executable": { launch: { ...index().launch, executable: "bin/none" } },
    "no such folder": { launch: { ...index().launch, cwd: "none" } },
    "a bad id": { id: "../../../etc" },
    "a bad identifier": { app: { ...index().app, identifier: "../x" } },
    "outside the file": { frames: [{ ...index().frames[0]!, offset: 9999 }] },
  };
  for (const [what, change] of Object.entries(bad)) {
    const text = Buffer.from(JSON.stringify(index(change)));
    expect(() => parseIndex(text, 200), what).toThrowError(expect.objectContaining({ code: "PAYLOAD_DAMAGED" }));
  }
});

test("any bytes give footers that lie inside, or none", () => {
  const likely = fc.oneof(
    fc.constant(Buffer.from("ERTHPAY1")),
    fc.uint8Array({ maxLength: 70 }).map((a) => Buffer.from(a)),
  );
  fc.assert(
    fc.property(fc.array(likely, { maxLength: 6 }), fc.nat(1000), (parts, before) => {
      const tail = Buffer.concat(parts);
      for (const { origin, indexOffset, indexLength } of findFooters(tail, before + tail.length)) {
        expect(origin).toBeGreaterThanOrEqual(0);
        expect(origin + indexOffset + indexLength).toBeLessThanOrEqual(before + tail.length);
      }
    }),
  );
});

test("links stay inside only by their names", () => {
  expect(staysInside("a/b", "../../c")).toBe(true);
  expect(staysInside("a/b", "../../../c")).toBe(false);
  expect(staysInside("", "a/../../b")).toBe(false);
  expect(staysInside("a", "/b")).toBe(false);
});
