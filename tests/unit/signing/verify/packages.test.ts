/** What installer packages hold is verified as if it lay on disk, and nothing that they hold gets out. */
import { mkdtempSync, rmSync } from "node:fs";
import { cp, readFile, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allProblems, allSignatures, verifyFile, type VerifySettings } from "../../../../signing/verify.ts";
import { NO_TRUST, type Trust } from "../../../../signing/verify/trust.ts";
import { signXar } from "../../../../signing/apple/xar-signature.ts";
import { appleAuthority } from "../../../fakes/certificate-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { SIGNED_FILES, writeSignedFiles } from "../../../support/signed-files.ts";
import { smallMsix, textFile } from "../../formats/msix-tree.ts";
import { type CpioItem, cpioOf, hostilePkg, smallPkg } from "../../formats/pkg-tree.ts";

const folder = mkdtempSync(join(tmpdir(), "erth-verify-packages-"));
const now = new Date("2026-06-02T00:00:00Z");
let trust: Trust = NO_TRUST;
beforeAll(async () => void (trust = await writeSignedFiles(folder)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const COMPONENT = "dev.example.notes.pkg";

function verified(path: string, settings: Partial<VerifySettings> = {}) {
  return verifyFile(path, { trust, now, ...settings });
}

async function placed(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(await scratchFolder(), name);
  await writeFile(path, bytes);
  return path;
}

async function signedPkg(path: string): Promise<string> {
  const output = join(await scratchFolder(), "Notes.pkg");
  const { signer } = appleAuthority().installer;
  await signXar({ path, output, signer, fileName: "Notes.pkg", signingTime: new Date("2026-06-01T11:59:00Z") });
  return output;
}

test("the app of a package is verified with it", async () => {
  const root = join(folder, SIGNED_FILES.app);
  const path = await signedPkg(await smallPkg({ root, facts: { bundleName: "Tiny.app" } }));
  const found = await verified(path);
  expect(allProblems(found).filter(({ code }) => code !== "TIMESTAMP_MISSING")).toEqual([]);
  expect(found.facts).toMatchObject({ contents: "1 apps" });
  expect(allSignatures(found).map(([where, { signer }]) => `${where}: ${signer}`)).toEqual(
    expect.arrayContaining([
      "Notes.pkg: Developer ID Installer: Erth Test (ERTH123456)",
      `Notes.pkg/${COMPONENT}/Tiny.app: Developer ID Application: Erth Test (ERTH123456)`,
      `Notes.pkg/${COMPONENT}/Tiny.app/Contents/MacOS/bun: Developer ID Application: Erth Test (ERTH123456)`,
    ]),
  );
});

test("an app that was changed before it was packed is reported where it is", async () => {
  const app = join(await scratchFolder(), "Tiny.app");
  await cp(join(folder, SIGNED_FILES.app), app, { recursive: true, verbatimSymlinks: true });
  await writeFile(join(app, "Contents/Resources/new"), "x");
  const path = await smallPkg({ root: app, facts: { bundleName: "Tiny.app" } });
  expect(allProblems(await verified(path, { mayBeUnsigned: true })).map(({ message }) => message)).toEqual([
    expect.stringMatching(/^x\.pkg\/dev\.example\.notes\.pkg\/Tiny\.app: .*Resources\/new is not sealed/),
  ]);
});

const [FOLDER, FILE, LINK] = [0o040755, 0o100644, 0o120755] as const;
const APP: readonly CpioItem[] = [
  [".", FOLDER, Buffer.alloc(0)],
  ["./Evil.app", FOLDER, Buffer.alloc(0)],
];
const EVIL = Buffer.from("evil");

test.each<readonly [string, readonly CpioItem[], RegExp]>([
  ["a link that leads out", [...APP, ["./Evil.app/x", LINK, Buffer.from("../../../evil")]], /PKG_LINK/],
  ["a link to an absolute place", [...APP, ["./Evil.app/x", LINK, Buffer.from("/etc")]], /PKG_LINK/],
  [
    "a file through a link",
    [...APP, ["./Evil.app/out", LINK, Buffer.from("..")], ["./Evil.app/out/x", FILE, EVIL]],
    /PKG_DAMAGED .*Evil\.app\/out cannot lie beside/,
  ],
  ["a file twice", [...APP, ["./Evil.app/x", FILE, EVIL], ["./Evil.app/x", FILE, EVIL]], /cannot lie beside .*EEXIST/],
  ["a file in a file", [...APP, ["./Evil.app/x", FILE, EVIL], ["./Evil.app/x/y", FILE, EVIL]], /cannot lie beside/],
  ["a path that climbs", [...APP, ["./Evil.app/../../x", FILE, EVIL]], /PKG_DAMAGED .*leads out of the package/],
])("a package with %s is reported, and nothing is written outside", async (_, entries, expected) => {
  const path = await placed("evil.pkg", await hostilePkg(gzipSync(cpioOf(...entries))));
  const before = await readdir(tmpdir());
  const problems = allProblems(await verified(path, { mayBeUnsigned: true }));
  expect(problems.map(({ code, message }) => `${code} ${message}`).join("\n")).toMatch(expected);
  const left = (await readdir(tmpdir())).filter((name) => !before.includes(name));
  expect(left.filter((name) => name === "evil" || name === "x")).toEqual([]);
});

test("an unsigned app package is a problem, unless nobody meant to sign it; its blocks are checked either way", async () => {
  const path = await smallMsix({ files: [textFile("a.txt", "text, ".repeat(20_000))] });
  const codes = async (settings: Partial<VerifySettings> = {}) =>
    allProblems(await verified(path, settings)).map(({ code }) => code);
  expect(await codes()).toEqual(["MSIX_UNSIGNED"]);
  expect(await codes({ mayBeUnsigned: true })).toEqual([]);
  expect((await verified(path)).facts).toMatchObject({ package: "dev.example.notes 1.2.3.0" });
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(45) ^ 1, 45);
  await writeFile(path, bytes);
  expect(await codes({ mayBeUnsigned: true })).toEqual(expect.arrayContaining(["ZIP_DAMAGED", "MSIX_DAMAGED"]));
});
