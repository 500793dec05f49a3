import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { cp, mkdir, readFile, readdir, rename, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import {
  allProblems,
  allSignatures,
  explainFile,
  verifyFile,
  type VerifySettings,
} from "../../../../signing/verify.ts";
import { NO_TRUST, type Trust } from "../../../../signing/verify/trust.ts";
import { type RawEntry, rawZip } from "../../../support/raw-zip.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { SIGNED_FILES, type SignedKind, writeSignedFiles } from "../../../support/signed-files.ts";
import { smallPe } from "../windows/small-pe.ts";

const folder = mkdtempSync(join(tmpdir(), "erth-verify-files-"));
const now = new Date("2026-06-02T00:00:00Z");
let trust: Trust = NO_TRUST;
beforeAll(async () => void (trust = await writeSignedFiles(folder)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const KINDS = Object.keys(SIGNED_FILES) as readonly SignedKind[];
const at = (kind: SignedKind): string => join(folder, SIGNED_FILES[kind]);

async function codesOf(path: string, settings: Partial<VerifySettings> = {}): Promise<readonly string[]> {
  const problems = allProblems(await verifyFile(path, { trust, now, ...settings }));
  return Array.from(new Set(problems.map(({ code }) => code)));
}

/** The bytes under this name in a folder of their own. */
async function placed(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(await scratchFolder(), name);
  await writeFile(path, bytes);
  return path;
}

test.for(KINDS)("%s: told by its content, and holds", async (kind) => {
  const found = await verifyFile(at(kind), { trust, now });
  expect(allProblems(found)).toEqual([]);
  expect(found.kind).toBe(kind === "universal" ? "mach-o" : kind);
  for (const [where, { isTrusted, signer }] of allSignatures(found))
    expect([where, signer, isTrusted]).toEqual([where, signer, true]);
  // Plain data: what `--json` prints is all of it.
  expect(JSON.parse(JSON.stringify(found))).toMatchObject({ name: SIGNED_FILES[kind], problems: [] });
});

test("who signed what, when, and with which ticket", async () => {
  const signers = async (kind: SignedKind) => {
    const found = await verifyFile(at(kind), { trust, now });
    return allSignatures(found).map(([where, { scheme, part, signer, timestamp }]) =>
      [where, scheme, part, signer, timestamp?.toISOString() ?? ""].join("|"),
    );
  };
  const developer = "Developer ID Application: Erth Test (ERTH123456)";
  expect(await signers("universal")).toEqual([
    `library.dylib|code signature|x86_64|${developer}|2026-06-01T12:00:00.000Z`,
    `library.dylib|code signature|arm64|${developer}|2026-06-01T12:00:00.000Z`,
  ]);
  expect(await signers("zip")).toEqual(
    expect.arrayContaining([
      `Notes.zip/Tiny.app|code signature||${developer}|2026-06-01T12:00:00.000Z`,
      `Notes.zip/Tiny.app/Contents/MacOS/bun|code signature||${developer}|2026-06-01T12:00:00.000Z`,
      "Notes.zip/Notes.exe|Authenticode|0|Erth Test Publisher|2026-06-01T12:00:00.000Z",
    ]),
  );
  expect(await signers("msix")).toEqual([
    "Notes.msix|Authenticode|0|Erth Test Publisher|2026-06-01T12:00:00.000Z",
    "Notes.msix/Notes & more.exe|Authenticode|0|Erth Test Publisher|2026-06-01T12:00:00.000Z",
  ]);
  expect(await signers("file")).toEqual([
    "feed.json|OpenPGP|feed.json.asc|Erth Test|",
    expect.stringMatching(/^feed\.json\|minisign\|feed\.json\.minisig\|minisign key [0-9A-F]{16}\|$/),
  ]);
  const tickets = Object.fromEntries(
    await Promise.all(KINDS.map(async (kind) => [kind, (await verifyFile(at(kind), { trust, now })).ticket])),
  );
  expect(tickets).toMatchObject({
    dmg: "stapled",
    pkg: "stapled",
    app: "stapled",
    elf: undefined,
    pe: undefined,
    deb: undefined,
  });
  const { facts } = (await verifyFile(at("mach-o"), { trust, now })).signatures[0]!;
  expect(facts).toMatchObject({ identifier: "dev.erth.tiny", team: "ERTH123456", flags: "runtime" });
  expect(facts["cdhash"]).toMatch(/^[0-9a-f]{40}$/);
});

test("without anybody to trust, it is said of each what is not proven", async () => {
  const found = Object.fromEntries(
    await Promise.all(KINDS.map(async (kind) => [kind, (await codesOf(at(kind), { trust: NO_TRUST })).join()])),
  );
  expect(found).toEqual({
    "mach-o": "CMS_UNTRUSTED,CODESIGN_REQUIREMENT,TIMESTAMP_UNTRUSTED",
    universal: "CMS_UNTRUSTED,CODESIGN_REQUIREMENT,TIMESTAMP_UNTRUSTED",
    app: "CMS_UNTRUSTED,CODESIGN_REQUIREMENT,TIMESTAMP_UNTRUSTED",
    dmg: "CMS_UNTRUSTED,TIMESTAMP_UNTRUSTED",
    pkg: "CMS_UNTRUSTED,TIMESTAMP_UNTRUSTED",
    zip: "CMS_UNTRUSTED,CODESIGN_REQUIREMENT,TIMESTAMP_UNTRUSTED",
    // Windows' roots are in Windows: the chain is told as found.
    pe: "",
    msi: "",
    msix: "",
    deb: "SIGNATURE_KEY_UNKNOWN",
    rpm: "SIGNATURE_KEY_UNKNOWN",
    // The key lies in the file.
    appimage: "",
    elf: "",
    file: "SIGNATURE_KEY_UNKNOWN",
  });
  const [signature] = (await verifyFile(at("pe"), { trust: NO_TRUST, now })).signatures;
  expect(signature).toMatchObject({
    isTrusted: undefined,
    chain: ["Erth Test Publisher", "Erth Test Code CA", "Erth Test Code Root"],
  });
});

test("a timestamp of an authority that nobody vouches for is reported, whoever signed", async () => {
  const roots = trust.roots.slice(0, 2);
  for (const kind of ["mach-o", "app", "dmg", "pkg", "pe", "msi", "msix"] as const) {
    expect([kind, await codesOf(at(kind), { trust: { ...trust, roots } })]).toEqual([kind, ["TIMESTAMP_UNTRUSTED"]]);
  }
});

test("a name that promises another kind is reported, and one that promises nothing is not", async () => {
  const exe = await readFile(at("pe"));
  expect(await codesOf(await placed("Notes.dmg", exe))).toEqual(["VERIFY_NAME"]);
  expect(await codesOf(await placed("setup", exe))).toEqual([]);
  expect(await codesOf(await placed("addon.node", exe))).toEqual([]);
  expect(await codesOf(await placed("Notes.dmg", Buffer.from("<html>Not found</html>")))).toEqual([
    "VERIFY_NAME",
    "VERIFY_KIND",
  ]);
  expect(await codesOf(await placed("empty", Buffer.alloc(0)))).toEqual(["VERIFY_KIND"]);
});

test("unsigned files are problems, unless nobody meant to sign them", async () => {
  const path = await placed("setup.exe", smallPe());
  expect(await codesOf(path)).toEqual(["PE_UNSIGNED"]);
  expect(await codesOf(path, { mayBeUnsigned: true })).toEqual([]);
  const zip = await placed(
    "Notes.zip",
    rawZip([
      { name: "a.exe", content: smallPe() },
      { name: "b.txt", content: Buffer.from("text") },
    ]),
  );
  expect(await codesOf(zip)).toEqual(["PE_UNSIGNED"]);
  expect(await codesOf(zip, { mayBeUnsigned: true })).toEqual([]);
});

test("what cannot be read is bad usage", async () => {
  const fault = async (path: string): Promise<unknown> =>
    await verifyFile(path, { trust, now }).catch((error: unknown) => (error instanceof ErthError ? error.code : error));
  expect(await fault(join(folder, "nothing"))).toBe("USAGE_FILE");
  expect(await fault(folder)).toBe("VERIFY_KIND");
  const app = join(await scratchFolder(), "Empty.app");
  await mkdir(join(app, "Contents"), { recursive: true });
  expect(await codesOf(app)).toEqual(["BUNDLE_INVALID"]);
});

test("a signature beside a file of any kind is verified with it, and one that was given leads to its file", async () => {
  const path = await placed("feed.json", await readFile(at("file")));
  await cp(`${at("file")}.asc`, `${path}.asc`);
  expect(await codesOf(path)).toEqual([]);
  expect(await codesOf(`${path}.asc`)).toEqual([]);
  await writeFile(path, "changed");
  expect(await codesOf(path)).toEqual(["OPENPGP_SIGNATURE"]);
  expect(await codesOf(`${path}.asc`)).toEqual(["OPENPGP_SIGNATURE"]);
  await writeFile(`${path}.asc`, "no signature");
  expect(await codesOf(path)).toEqual(["OPENPGP_DAMAGED"]);
  // Tauri's form: the whole text in base64, as `.sig`.
  await rename(`${path}.asc`, join(folder, "aside"));
  await writeFile(path, await readFile(at("file")));
  await writeFile(`${path}.sig`, (await readFile(`${at("file")}.minisig`)).toString("base64"));
  expect(await codesOf(path)).toEqual([]);
  await writeFile(path, "changed");
  expect(await codesOf(path)).toEqual(["MINISIGN_REFUSED"]);
});

const EVIL = Buffer.from("evil");
test.each<readonly [string, readonly RawEntry[], readonly string[]]>([
  ["a path that climbs", [{ name: "../evil.exe", content: EVIL }], ["ZIP_PATH"]],
  ["an absolute path", [{ name: "/tmp/evil", content: EVIL }], ["ZIP_PATH"]],
  [
    "a link that leads out",
    [{ name: "Evil.app/Contents/x", content: Buffer.from("../../../evil"), mode: 0o120777 }],
    ["ZIP_LINK"],
  ],
  ["a link to an absolute place", [{ name: "x", content: Buffer.from("/etc"), mode: 0o120777 }], ["ZIP_LINK"]],
  [
    "a file through a link",
    [
      { name: "Evil.app/Contents/Info.plist", content: EVIL },
      { name: "Evil.app/out", content: Buffer.from("Contents"), mode: 0o120777 },
      { name: "Evil.app/out/x", content: EVIL },
    ],
    ["ZIP_PATH"],
  ],
])("a zip with %s is reported, and nothing is written outside", async (_, entries, expected) => {
  const path = await placed("evil.zip", rawZip(entries));
  expect(await codesOf(path)).toEqual(expect.arrayContaining([...expected]));
  expect(await readdir(join(path, ".."))).toEqual(["evil.zip"]);
});

test("whatever was unpacked is gone afterwards, after a fault too", async () => {
  const before = (await readdir(tmpdir())).filter((name) => name.startsWith("erth-verify-"));
  await codesOf(at("zip"));
  await codesOf(await placed("a.zip", (await readFile(at("zip"))).subarray(0, 9000)));
  const stop = new AbortController();
  stop.abort(new Error("stopped"));
  await expect(verifyFile(at("zip"), { trust, now, signal: stop.signal })).rejects.toThrow("stopped");
  const after = (await readdir(tmpdir())).filter((name) => name.startsWith("erth-verify-"));
  expect(after.filter((name) => !before.includes(name) && name !== basename(folder))).toEqual([]);
});

test("an app in a zip that was changed there is reported as if it lay on disk", async () => {
  const app = join(await scratchFolder(), "Tiny.app");
  cpSync(at("app"), app, { recursive: true, verbatimSymlinks: true });
  await writeFile(join(app, "Contents/Resources/new"), "x");
  await symlink("nowhere", join(app, "Contents/Resources/dangling"));
  expect(await codesOf(app)).toEqual(["BUNDLE_LINK", "BUNDLE_SEAL"]);
});

test("disk images are looked into where a reader of their file system is at hand", async () => {
  const readDisk = async (_: string, target: string): Promise<void> =>
    cpSync(at("app"), join(target, "Tiny.app"), { recursive: true, verbatimSymlinks: true });
  const found = await verifyFile(at("dmg"), { trust, now, readDisk });
  expect(allProblems(found)).toEqual([]);
  expect(found.contents.map(({ name, kind }) => `${kind} ${name}`)).toEqual(["app Tiny.app"]);
  const broken = () => Promise.reject(new ErthError({ code: "HFS_DAMAGED", message: "x", remedy: "y" }));
  expect(await codesOf(at("dmg"), { readDisk: broken })).toEqual(["HFS_DAMAGED"]);
});

test.for(KINDS)("%s: decoded as text without a line that a terminal would act on", async (kind) => {
  const text = await explainFile(at(kind), { trust, now });
  expect(text.endsWith("\n")).toBe(true);
  expect(text).toMatch(/signer|certificate|machine|OpenPGP/);
  expect(text).not.toMatch(/problem|\p{Cc}(?<!\n)/u);
});
