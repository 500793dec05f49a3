import { describe, expect, test } from "vitest";
import { encodeDatabase, streamName, tableStreamName } from "../../../build/formats/msi-database.ts";
import { fitsMsi, msiVersion, renderMsi, type MsiFacts } from "../../../build/formats/msi.ts";
import { msiCode, msiFileName, msiFormatted } from "../../../build/formats/msi-names.ts";

const facts: MsiFacts = {
  app: {
    name: "Notes",
    fileName: "Notes",
    identifier: "dev.example.notes",
    version: "1.2.3",
    publisher: "Example",
    description: "",
  },
  launch: { executable: "Notes.exe", args: [], cwd: "" },
  files: [{ path: "Notes.exe", bytes: 3 }],
  folders: [],
  contentDigest: "aa",
  protocols: [],
  fileTypes: [],
  desktopShortcut: false,
};

describe("names", () => {
  test.each([
    ["icon.ico", "icon.ico"],
    ["NOTES-1.TXT", "NOTES-1.TXT"],
    ["two words.txt", /^[A-Z0-9]{8}\.TXT\|two words\.txt$/],
    ["日本", /^[A-Z0-9]{8}\|日本$/],
    ["a.b.jpeg", /^[A-Z0-9]{8}\.JPE\|a\.b\.jpeg$/],
    ["no.扩展", /^[A-Z0-9]{8}\|no\.扩展$/],
  ])("%s", (name, written) => {
    expect(msiFileName(name, `folder/${name}`)).toMatch(written);
  });

  test("two long names of one folder have different short ones", () => {
    const names = Array.from({ length: 500 }, (_, at) => `a long name ${at}.txt`);
    expect(new Set(names.map((name) => msiFileName(name, name).split("|")[0])).size).toBe(500);
  });

  test("brackets stand for themselves", () => {
    expect(msiFormatted("[ProductName] {x}")).toBe("[\\[]ProductName[\\]] [\\{]x[\\}]");
  });

  test("stream names are packed by two, and tables are marked", () => {
    expect(tableStreamName("_Tables").charCodeAt(0)).toBe(0x4840);
    expect(streamName("\u0005Summary").startsWith("\u0005")).toBe(true);
    expect(streamName("ab")).toBe(String.fromCharCode(0x3800 + 36 + (37 << 6)));
    expect(streamName("a")).toBe(String.fromCharCode(0x4800 + 36));
  });
});

describe("codes", () => {
  test("the upgrade code follows the identifier alone, the product code the content as well", () => {
    const one = renderMsi(facts);
    const two = renderMsi({ ...facts, contentDigest: "bb" });
    const other = renderMsi({ ...facts, app: { ...facts.app, identifier: "dev.example.other" } });
    expect(two.upgradeCode).toBe(one.upgradeCode);
    expect(two.productCode).not.toBe(one.productCode);
    expect(other.upgradeCode).not.toBe(one.upgradeCode);
    expect(one.upgradeCode).toBe(msiCode("upgrade", "dev.example.notes"));
    // Never to be changed: installed apps would no longer be found.
    expect(one.upgradeCode).toBe("{CE5EBF24-FFFF-5C70-A841-71555900B733}");
  });
});

describe("versions", () => {
  test.each([
    ["1.2.3", true],
    ["255.255.65535", true],
    ["256.0.0", false],
    ["1.256.0", false],
  ])("%s fits: %s", (version, fits) => {
    expect(fitsMsi(version)).toBe(fits);
  });

  test("a prerelease counts as its release", () => {
    expect(msiVersion("1.2.3-beta.1")).toBe("1.2.3");
  });
});

describe("tables", () => {
  test("null where a column has none is a bug, not a zero", () => {
    const table = { name: "T", columns: [{ name: "K", type: "s72" as const, isKey: true }], rows: [[null]] };
    expect(() => encodeDatabase([table])).toThrow("T.K cannot be null");
  });

  test("integers turn their sign bit, so that zero is null", () => {
    const columns = [
      { name: "K", type: "i2" as const, isKey: true },
      { name: "V", type: "I4" as const },
    ];
    const streams = encodeDatabase([
      {
        name: "T",
        columns,
        rows: [
          [2, null],
          [1, -1],
        ],
      },
    ]);
    const bytes = streams.find(({ name }) => name === tableStreamName("T"))!.bytes;
    // Sorted by key, column by column.
    expect(Buffer.from(bytes).toString("hex")).toBe("01800280ffffff7f00000000");
  });
});
