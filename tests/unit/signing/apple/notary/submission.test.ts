import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  parseSubmission,
  readSubmission,
  type SubmissionRecord,
  writeSubmission,
} from "../../../../../signing/apple/notary/submission.ts";
import { scratchFolder } from "../../../../support/scratch.ts";

const RECORD: SubmissionRecord = {
  v: 1,
  id: "2efe2717-52ef-43a5-96dc-0797e4ca1041",
  fileName: "Notes.dmg",
  sha256: "a".repeat(64),
  bytes: 1,
  submittedAt: "2026-06-01T12:00:00.000Z",
  team: "ERTH123456",
  isUploaded: true,
  ticketName: `2/2/${"b".repeat(40)}`,
};

test("a record is the same after a round trip, and leaves no temporary file", async () => {
  const folder = await scratchFolder();
  const path = join(folder, "submission.json");
  await writeSubmission(path, RECORD);
  await writeSubmission(path, RECORD);
  expect(await readSubmission(path)).toEqual(RECORD);
  expect(await readdir(folder)).toEqual(["submission.json"]);
});

test("a record that cannot be written leaves the old one", async () => {
  const folder = await scratchFolder();
  const path = join(folder, "submission.json");
  await mkdir(path);
  await expect(writeSubmission(path, RECORD)).rejects.toThrow();
  expect(await readdir(folder)).toEqual(["submission.json"]);
});

test("missing, damaged, foreign: each is NOTARY_RECORD with the way out", async () => {
  const path = join(await scratchFolder(), "submission.json");
  await expect(readSubmission(path)).rejects.toMatchObject({
    code: "NOTARY_RECORD",
    message: expect.stringContaining("no such file"),
    remedy: expect.stringContaining("--submit"),
  });
  const text = JSON.stringify(RECORD);
  for (let end = 0; end < text.length; end += 1) {
    expect(() => parseSubmission(text.slice(0, end), path)).toThrow(expect.objectContaining({ code: "NOTARY_RECORD" }));
  }
  for (const change of [
    { v: 2 },
    { id: "../../x" },
    { fileName: "../x" },
    { sha256: "A" },
    { extra: 1 },
    { bytes: -1 },
  ]) {
    expect(() => parseSubmission(JSON.stringify({ ...RECORD, ...change }), path)).toThrow(
      expect.objectContaining({ code: "NOTARY_RECORD" }),
    );
  }
  await writeFile(path, "x".repeat(100_000));
  await expect(readSubmission(path)).rejects.toMatchObject({ code: "NOTARY_RECORD" });
  expect(await readFile(path, "utf8")).toHaveLength(100_000);
});

test("whatever the text, it is a record or NOTARY_RECORD", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(() => parseSubmission(text, "r")).toThrow(expect.objectContaining({ code: "NOTARY_RECORD" }));
    }),
  );
});
