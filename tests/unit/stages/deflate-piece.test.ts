import { randomBytes } from "node:crypto";
import { readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { openPieces } from "../../../build/artifacts/pieces.ts";
import { DEFLATE_END } from "../../../build/formats/deflate-run.ts";
import { keptDeflate } from "../../../build/stages/package/deflate-piece.ts";
import { scratchFolder } from "../../support/scratch.ts";

const RAW = Buffer.concat([Buffer.alloc(150_000, "runtime "), randomBytes(50_000)]);

async function store() {
  const folder = await scratchFolder();
  let made = 0;
  const open = async () => {
    const pieces = await openPieces(folder);
    return keptDeflate({ get: (key, make) => pieces.get(key, (path) => ((made += 1), make(path))) }, 9);
  };
  return { open, made: () => made, folder: join(folder, "pieces") };
}

test("the same bytes are compressed once, also by the next run of erth", async () => {
  const { open, made } = await store();
  const runs = [await (await open())(RAW, 65_536), await (await open())(Buffer.from(RAW), 65_536)];
  for (const run of runs) {
    const stream = Buffer.concat([...(await Array.fromAsync(run.read())), DEFLATE_END]);
    expect(inflateRawSync(stream).equals(RAW)).toBe(true);
    expect(run.blocks).toHaveLength(4);
    expect(stream).toHaveLength(run.length + DEFLATE_END.length);
  }
  expect(made()).toBe(1);
});

test("other blocks and other bytes are other pieces; what is small is none", async () => {
  const { open, made } = await store();
  const deflate = await open();
  await deflate(RAW, 65_536);
  await deflate(RAW, RAW.length);
  await deflate(RAW.subarray(1), 65_536);
  expect(made()).toBe(3);
  await deflate(RAW.subarray(0, 1000), 65_536);
  expect(made()).toBe(3);
});

test("a piece that was cut off is told, not packed", async () => {
  const { open, folder } = await store();
  await (
    await open()
  )(RAW, 65_536);
  const [name] = await readdir(folder);
  const path = join(folder, name ?? "");
  for (const bytes of [(await stat(path)).size - 1, 7, 0]) {
    await truncate(path, bytes);
    await expect((await open())(RAW, 65_536)).rejects.toMatchObject({ code: "CACHE_DAMAGED" });
  }
});
