import { expect, test } from "vitest";
import { rangeOfBytes } from "../../../build/formats/byte-range.ts";
import { readExtents } from "../../../build/formats/extent.ts";
import { readRpm } from "../../../build/formats/rpm-reader.ts";
import { RPMSIGTAG, RPMTAG } from "../../../build/formats/rpm-tags.ts";
import { layoutRpm, type RpmPackage } from "../../../build/formats/rpm.ts";

const SHA256 = "a".repeat(64);
const SMALL: RpmPackage = {
  name: "notes",
  version: "1.0.0",
  release: "1",
  arch: "aarch64",
  summary: "Nötes",
  description: "Keeps nötes.",
  license: "MIT",
  vendor: "Example",
  packager: undefined,
  homepage: undefined,
  requires: ["/bin/sh"],
  files: [
    { entry: { kind: "folder", path: "usr/lib/notes" }, sha256: undefined },
    {
      entry: { kind: "file", path: "usr/lib/notes/a", isExecutable: true, content: { bytes: Buffer.from("abc") } },
      sha256: SHA256,
    },
    { entry: { kind: "link", path: "usr/lib/notes/b", target: "a" }, sha256: undefined },
  ],
  payload: {
    compression: "xz",
    level: 9,
    content: [{ bytes: Buffer.from("payload") }],
    sha256: SHA256,
    rawSha256: SHA256,
    rawBytes: 100,
  },
};

async function read(rpm: RpmPackage) {
  const bytes = Buffer.concat(await Array.fromAsync(readExtents(layoutRpm(rpm))));
  return { bytes, ...(await readRpm(rangeOfBytes(bytes))) };
}

test("the headers read back", async () => {
  const { bytes, signature, main, payload } = await read(SMALL);
  expect(main.strings(RPMTAG.NAME)).toEqual(["notes"]);
  expect(main.strings(RPMTAG.SUMMARY)).toEqual(["Nötes"]);
  expect(main.strings(RPMTAG.DIRNAMES)).toEqual(["/usr/lib/", "/usr/lib/notes/"]);
  expect(main.numbers(RPMTAG.DIRINDEXES)).toEqual([0, 1, 1]);
  expect(main.strings(RPMTAG.BASENAMES)).toEqual(["notes", "a", "b"]);
  expect(main.numbers(RPMTAG.FILEMODES)).toEqual([0o040755, 0o100755, 0o120777]);
  expect(main.strings(RPMTAG.FILELINKTOS)).toEqual(["", "", "a"]);
  expect(main.strings(RPMTAG.FILEDIGESTS)).toEqual(["", SHA256, ""]);
  expect(main.strings(RPMTAG.PROVIDENAME)).toEqual(["notes", "notes(aarch-64)"]);
  expect(main.strings(RPMTAG.PACKAGER)).toEqual([]);
  expect(bytes.subarray(payload.offset).toString()).toBe("payload");
  expect(signature.numbers(RPMSIGTAG.SIZE)).toEqual([main.size + payload.size]);
  expect(signature.numbers(RPMSIGTAG.PAYLOADSIZE)).toEqual([100]);
});

test("sizes above 4 GiB are under tags with room for them", async () => {
  const { signature, main } = await read({ ...SMALL, payload: { ...SMALL.payload, rawBytes: 5 * 2 ** 30 } });
  expect(signature.numbers(RPMSIGTAG.LONGARCHIVESIZE)).toEqual([5 * 2 ** 30]);
  expect(signature.numbers(RPMSIGTAG.PAYLOADSIZE)).toEqual([]);
  expect(main.numbers(RPMTAG.SIZE)).toEqual([4]);
});
