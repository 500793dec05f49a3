import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { iconFixture, makeIcons } from "../unit/stages/made-icons.ts";

function isMissing(tool: string): boolean {
  try {
    execFileSync("which", [tool], { stdio: "ignore" });
    return false;
  } catch {
    return true;
  }
}

let folder = "";
beforeAll(async () => {
  ({ folder } = await makeIcons(iconFixture("rgba8.png")));
});

test.skipIf(isMissing("file"))("file names both containers", () => {
  const type = (name: string) => execFileSync("file", ["--brief", join(folder, name)], { encoding: "utf8" });
  expect(type("icon.ico")).toMatch(/^MS Windows icon resource - 8 icons, 16x16, 32 bits\/pixel/);
  expect(type("icon.icns")).toMatch(/^Mac OS X icon, \d+ bytes, "ic04" type/);
});

test.skipIf(isMissing("identify"))("identify (ImageMagick) reads every picture of the .ico", () => {
  const sizes = execFileSync("identify", ["-format", "%w ", join(folder, "icon.ico")], { encoding: "utf8" });
  expect(sizes.trim().split(" ")).toEqual(["16", "20", "24", "32", "40", "48", "64", "256"]);
});

test.skipIf(isMissing("convert"))("convert (ImageMagick) sees the colours of the .ico as they were", () => {
  for (const index of [0, 6, 7]) {
    const args = [`${join(folder, "icon.ico")}[${index}]`, "-sample", "2x2!", "rgba:-"];
    const pixels = execFileSync("convert", args);
    const expected = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 128];
    expect(
      [...pixels].map((value, at) => Math.abs(value - (expected[at] ?? 0))).every((off) => off <= 2),
      `picture ${index}: ${[...pixels].join()}`,
    ).toBe(true);
  }
});

// libicns 0.8 knows no type younger than ic10, so it decodes two of these and walks over the rest.
test.skipIf(isMissing("icns2png"))("icns2png (libicns) walks the .icns and decodes what it knows", () => {
  const list = execFileSync("icns2png", ["--list", join(folder, "icon.icns")], { encoding: "utf8", stdio: "pipe" });
  expect(list).toMatch(/'ic08' 256x256 32-bit icon/);
  expect(list).toMatch(/'ic09' 512x512 32-bit icon/);
  expect(list).toContain("9 elements total");
});
