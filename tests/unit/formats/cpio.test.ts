import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeCpioEnd, encodeCpioHeader, type CpioEntry } from "../../../build/formats/cpio.ts";
import { readCpio } from "../../../build/formats/cpio-reader.ts";

const FILE: CpioEntry = { path: "./a", mode: 0o100644, modifiedAt: 315532800, linkCount: 1, bytes: 5 };

function archive(entries: readonly (readonly [CpioEntry, Uint8Array])[]): Buffer {
  const parts = entries.flatMap(([entry, content], at) => [encodeCpioHeader(entry, at), content]);
  const bytes = Buffer.concat(parts);
  return Buffer.concat([bytes, encodeCpioEnd(bytes.length, entries.length)]);
}

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function read(bytes: Uint8Array, length = 7): Promise<readonly (readonly [string, string])[]> {
  const found: [string, string][] = [];
  for await (const member of readCpio(inPieces(bytes, length))) {
    found.push([member.path, Buffer.concat(await Array.fromAsync(member.read())).toString("latin1")]);
  }
  return found;
}

test("entries come back whatever the pieces they come in, and the end fills a block", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.string({ minLength: 1, unit: "grapheme" }), fc.uint8Array({ maxLength: 300 })), {
        maxLength: 5,
      }),
      fc.integer({ min: 1, max: 700 }),
      async (files, length) => {
        const names = files.map(([name], at) => `./${at}${name.replaceAll("\0", "")}`);
        const bytes = archive(
          files.map(([, content], at) => [{ ...FILE, path: names[at]!, bytes: content.length }, content]),
        );
        expect(bytes.length % 512).toBe(0);
        const expected = files.map(([, content], at) => [names[at]!, Buffer.from(content).toString("latin1")]);
        expect(await read(bytes, length)).toEqual(expected);
      },
    ),
    { numRuns: 60 },
  );
});

test("what is not read of an entry is skipped", async () => {
  const bytes = archive([
    [FILE, Buffer.from("12345")],
    [{ ...FILE, path: "./b" }, Buffer.from("67890")],
  ]);
  const paths: string[] = [];
  for await (const { path } of readCpio(inPieces(bytes, 3))) paths.push(path);
  expect(paths).toEqual(["./a", "./b"]);
});

test("a file beyond eleven octal digits, or a name beyond six, is refused by name", () => {
  for (const entry of [
    { ...FILE, bytes: 8 ** 11 },
    { ...FILE, path: `./${"x".repeat(8 ** 6)}` },
  ]) {
    expect(() => encodeCpioHeader(entry, 0)).toThrowError(expect.objectContaining({ code: "CPIO_LIMIT" }));
  }
  expect(encodeCpioHeader({ ...FILE, bytes: 8 ** 11 - 1 }, 0).toString("latin1")).toContain("77777777777./a\0");
});

test("more files than an inode counts are still told apart", () => {
  const place = (index: number): string => encodeCpioHeader(FILE, index).toString("latin1", 6, 18);
  expect(place(0)).toBe("000000000000");
  expect(place(8 ** 6 - 1)).toBe("000000777777");
  expect(place(8 ** 6)).toBe("000001000000");
});

test("no cut of an archive is taken for a whole one", async () => {
  const bytes = archive([[FILE, Buffer.from("12345")]]);
  const end = bytes.indexOf("TRAILER!!!") + "TRAILER!!!\0".length;
  for (let length = 0; length < end; length += 1) {
    await expect(read(bytes.subarray(0, length))).rejects.toMatchObject({ code: "CPIO_DAMAGED" });
  }
});

test("data behind the end is told", async () => {
  const bytes = archive([[FILE, Buffer.from("12345")]]);
  await expect(read(Buffer.concat([bytes, Buffer.from("more")]))).rejects.toThrow("follows its end");
  await expect(read(Buffer.concat([bytes, Buffer.alloc(1 << 20)]), 4096)).rejects.toThrow("follows its end");
});

test("whatever a header says, it is an entry or CPIO_DAMAGED", async () => {
  const bytes = archive([[FILE, Buffer.from("12345")]]);
  await fc.assert(
    fc.asyncProperty(fc.nat(90), fc.constantFrom("0", "1", "7", "9", " ", "\0", "x", "é"), async (at, character) => {
      const changed = Buffer.from(bytes);
      changed.write(character, at, "latin1");
      const found = await read(changed).catch((error: unknown) => error);
      if (!Array.isArray(found)) expect(found).toMatchObject({ code: "CPIO_DAMAGED" });
    }),
    { numRuns: 300 },
  );
});
