import { expect, test } from "vitest";
import { DEFAULT_FORMATS } from "../../../build/plan/package-format.ts";
import { selectFormats } from "../../../build/plan/select-formats.ts";

test("without --format the config's own; named ones go to the systems that can have them", () => {
  expect(selectFormats(undefined, DEFAULT_FORMATS, ["linux-x64"])).toBe(DEFAULT_FORMATS);
  const chosen = selectFormats("zip, single-file,zip", DEFAULT_FORMATS, ["linux-x64", "win32-x64"]);
  expect(chosen.win32).toEqual(["zip"]);
  expect(chosen.linux).toEqual(["single-file"]);
  expect(selectFormats("all", DEFAULT_FORMATS, ["darwin-x64"]).darwin).toContain("zip");
});

test("all unknown names at once, each with the nearest known one", () => {
  expect(() => selectFormats("zipp,single-fil,toString", DEFAULT_FORMATS, ["linux-x64"])).toThrow(
    expect.objectContaining({
      problems: [
        expect.objectContaining({ code: "USAGE_FORMAT", remedy: "--format zip" }),
        expect.objectContaining({ code: "USAGE_FORMAT", remedy: "--format single-file" }),
        expect.objectContaining({ code: "USAGE_FORMAT", message: expect.stringContaining('"toString"') }),
      ],
    }),
  );
});

test("a target that is left without a file is refused", () => {
  expect(() => selectFormats("zip", DEFAULT_FORMATS, ["linux-x64", "darwin-x64"])).toThrow(
    /leaves nothing to make for linux-x64/,
  );
});
