import { expect, test } from "vitest";
import {
  encodeCodeResources,
  parseCodeResources,
  type ResourceSeal,
} from "../../../../signing/apple/code-resources.ts";
import { RULES_1, RULES_2, ruleOf } from "../../../../signing/apple/resource-rules.ts";

const file = (fill: number): ResourceSeal => ({
  kind: "file",
  sha1: Buffer.alloc(20, fill),
  sha256: Buffer.alloc(32, fill),
});

const seals = new Map<string, ResourceSeal>([
  ["Resources/a & b.txt", file(1)],
  ["Resources/en.lproj/Main.strings", file(2)],
  ["Resources/Base.lproj/Main.strings", file(3)],
  ["Resources/link", { kind: "link", target: "a & b.txt" }],
  ["MacOS/helper", { kind: "nested", cdHash: "ab".repeat(20), requirement: 'cdhash H"abab"' }],
  ["Info.plist", file(4)],
  ["embedded.provisionprofile", file(5)],
]);

test("the list is byte for byte as codesign writes it", async () => {
  await expect(Buffer.from(encodeCodeResources(seals)).toString()).toMatchFileSnapshot(
    "../../../golden/signing/apple/code-resources.plist.txt",
  );
});

test("what is written is read back", () => {
  const { files, files2, hasStandardRules } = parseCodeResources(encodeCodeResources(seals));
  expect(hasStandardRules).toBe(true);
  expect(Array.from(files.keys())).toEqual([
    "Resources/Base.lproj/Main.strings",
    "Resources/a & b.txt",
    "Resources/en.lproj/Main.strings",
  ]);
  expect(files2.get("Resources/en.lproj/Main.strings")).toMatchObject({
    sha256: Buffer.alloc(32, 2),
    isOptional: true,
  });
  expect(files2.get("Resources/Base.lproj/Main.strings")?.isOptional).toBe(false);
  expect(files2.get("Resources/link")?.link).toBe("a & b.txt");
  expect(files2.get("MacOS/helper")).toMatchObject({ requirement: 'cdhash H"abab"' });
  expect(files2.has("Info.plist")).toBe(false);
  expect(files2.has("embedded.provisionprofile")).toBe(true);
});

test.each([
  ["MacOS/tool", { isNested: true }],
  ["Frameworks/A.framework", { isNested: true }],
  ["Library/LoginItems/x", { isNested: true }],
  ["loose", { isNested: true }],
  ["MacOS/tool.dSYM/Contents/Info.plist", { isNested: false }],
  ["Resources/tool", { isNested: false, isOmitted: false }],
  ["Resources/.DS_Store", { isOmitted: true }],
  ["MacOS/.DS_Store", { isOmitted: true }],
  ["PkgInfo", { isOmitted: true }],
  ["Resources/PkgInfo", { isOmitted: false }],
  ["Resources/de.lproj/locversion.plist", { isOmitted: true }],
  ["version.plist", { isNested: false, isOmitted: false }],
])("%s has the rule %j", (path, rule) => {
  expect(ruleOf(RULES_2, path)).toMatchObject(rule);
});

test("the old list knows resources alone", () => {
  expect(ruleOf(RULES_1, "MacOS/tool")).toBeUndefined();
  expect(ruleOf(RULES_1, "Resources/tool")).toBeDefined();
});

test("rules of somebody's own are noticed, and lists of another shape refused", () => {
  const text = Buffer.from(encodeCodeResources(seals)).toString();
  expect(parseCodeResources(Buffer.from(text.replace("<real>2000</real>", "<real>1</real>"))).hasStandardRules).toBe(
    false,
  );
  expect(
    parseCodeResources(Buffer.from(text.replace(/<key>rules2<\/key>[^]*?\n\t<\/dict>/, ""))).hasStandardRules,
  ).toBe(false);
  for (const other of [
    "<array/>",
    "<dict><key>files2</key><array/></dict>",
    "<dict><key>files2</key><dict><key>a</key><true/></dict></dict>",
  ]) {
    expect(() => parseCodeResources(Buffer.from(`<plist version="1.0">${other}</plist>`))).toThrow(
      expect.objectContaining({ code: "CODERESOURCES_MALFORMED" }),
    );
  }
});
