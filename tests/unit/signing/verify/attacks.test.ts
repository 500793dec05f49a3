/** One attack for each class of bytes: it is reported by the name of what was attacked. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allProblems, verifyFile } from "../../../../signing/verify.ts";
import { NO_TRUST, type Trust } from "../../../../signing/verify/trust.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { SIGNED_FILES, type SignedKind, writeSignedFiles } from "../../../support/signed-files.ts";
import { entryOffset } from "../windows/small-pe.ts";

const folder = mkdtempSync(join(tmpdir(), "erth-attacks-"));
let trust: Trust = NO_TRUST;
beforeAll(async () => void (trust = await writeSignedFiles(folder)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `CODE message` of every problem of a changed copy. */
async function problemsAfter(kind: SignedKind, change: (bytes: Buffer) => Buffer | void, inner = ""): Promise<string> {
  const copy = join(await scratchFolder(), SIGNED_FILES[kind]);
  cpSync(join(folder, SIGNED_FILES[kind]), copy, { recursive: true, verbatimSymlinks: true });
  for (const suffix of [".asc", ".minisig"]) {
    if (kind === "file") cpSync(join(folder, SIGNED_FILES[kind] + suffix), copy + suffix);
  }
  const target = join(copy, inner);
  const bytes = await readFile(target);
  await writeFile(target, change(bytes) ?? bytes);
  const found = await verifyFile(copy, { trust, now: new Date("2026-06-02T00:00:00Z") });
  expect(found.name).toBe(basename(copy));
  return allProblems(found)
    .map(({ code, message }) => `${code} ${message}`)
    .join("\n");
}

/** Changes a byte where these bytes are, which is once in the file. */
const flip =
  (what: string | Uint8Array, shift = 0) =>
  (bytes: Buffer): void => {
    const at = bytes.indexOf(what);
    expect(at, "the bytes to attack").toBeGreaterThanOrEqual(0);
    bytes[at + shift]! ^= 1;
  };
const flipAt =
  (at: (bytes: Buffer) => number) =>
  (bytes: Buffer): void => {
    bytes[at(bytes)]! ^= 1;
  };
const append = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.from("appended payload")]);
const oid = (hex: string): Buffer => Buffer.from(hex, "hex");

const SIGNING_TIME = oid("06092a864886f70d010905");
const CDHASHES = oid("06092a864886f763640901");
const ENTITLEMENT = "com.apple.security.cs.allow-jit";
const SEAL = "Contents/_CodeSignature/CodeResources";
const tableAt = (bytes: Buffer): number => bytes.readUInt32LE(entryOffset());

type Attack = readonly [
  what: string,
  kind: SignedKind,
  change: (bytes: Buffer) => Buffer | void,
  expected: RegExp,
  /** In the app. */
  inner?: string,
];

const ATTACKS: readonly Attack[] = [
  // Mach-O
  ["a page of code", "mach-o", flipAt(() => 5000), /CODESIGN_PAGE_HASH .*1 of \d+ pages differ.*: 1 \(at 4096\)/],
  ["a page of one slice", "universal", flipAt(() => 16384 + 4200), /CODESIGN_PAGE_HASH library\.dylib: .*x86_64: /],
  ["the requirement", "mach-o", flip("subject.OU", -4), /CODESIGN_SLOT .*requirements differs/],
  ["Apple's attribute of cdhashes", "mach-o", flip(CDHASHES, 40), /CMS_SIGNATURE|PLIST_INVALID|CMS_CDHASHES/],
  ["the signing time", "mach-o", flip(SIGNING_TIME, 18), /CMS_SIGNATURE .*not made by the key of "Developer ID/],
  [
    "the signer's certificate",
    "mach-o",
    flip("Developer ID Application: Erth", 3),
    /CMS_CERTIFICATE .*was not signed by the issuer/,
  ],
  ["the timestamp", "mach-o", flip("20260601120000Z", 10), /CMS_DIGEST|TIMESTAMP/],
  ["data behind a program", "mach-o", append, /MACHO_TRAILING_DATA .*16 bytes follow __LINKEDIT/],
  ["data behind a universal file", "universal", append, /MACHO_TRAILING_DATA .*16 bytes follow the last slice/],
  // .app
  [
    "a CodeResources entry",
    "app",
    flipAt((bytes) => bytes.lastIndexOf("<key>Resources/Base.lproj/Main.nib</key>") + 8),
    /CODESIGN_SLOT .*CodeResources differs[^]*BUNDLE_SEAL .*Main\.nib is not sealed/,
    SEAL,
  ],
  ["a hash in CodeResources", "app", flip("<data>", 12), /CODESIGN_SLOT .*CodeResources differs/, SEAL],
  [
    "a sealed resource",
    "app",
    flipAt(() => 2),
    /BUNDLE_SEAL .*Main\.strings differs from its hash/,
    "Contents/Resources/en.lproj/Main.strings",
  ],
  [
    "nested code",
    "app",
    flipAt(() => 5000),
    /CODESIGN_PAGE_HASH .*Service: /,
    "Contents/XPCServices/Service.xpc/Contents/MacOS/Service",
  ],
  [
    "a framework's code",
    "app",
    flipAt(() => 5000),
    /CODESIGN_PAGE_HASH .*Thing: /,
    "Contents/Frameworks/Thing.framework/Versions/A/Thing",
  ],
  ["the Info.plist", "app", flip("dev.erth.tiny", 3), /CODESIGN_SLOT .*Info\.plist differs/, "Contents/Info.plist"],
  [
    "entitlements",
    "app",
    flip(`<key>${ENTITLEMENT}</key>`, 20),
    /CODESIGN_SLOT .*entitlements differs.*\n[^]*CODESIGN_ENTITLEMENTS/,
    "Contents/MacOS/bun",
  ],
  ["the ticket of an app", "app", () => Buffer.from("not a ticket at all"), /TICKET_DAMAGED/, "Contents/CodeResources"],
  // .dmg
  ["the data of an image", "dmg", flipAt(() => 700), /CODESIGN_PAGE_HASH .*differs from its hash/],
  [
    "the trailer of an image",
    "dmg",
    flipAt((bytes) => bytes.length - 512 + 495),
    /CODESIGN_SLOT .*disk image trailer differs/,
  ],
  [
    "the trailer's magic",
    "dmg",
    flipAt((bytes) => bytes.length - 512),
    /VERIFY_NAME .*called \.dmg, and is nothing of that kind/,
  ],
  [
    "where the trailer says the signature is",
    "dmg",
    flipAt((bytes) => bytes.length - 512 + 303),
    /DMG_DAMAGED .*does not end at its trailer/,
  ],
  ["the ticket of an image", "dmg", flip("s8ch"), /TICKET_DAMAGED/],
  ["data behind an image", "dmg", append, /VERIFY_NAME/],
  // .pkg
  ["the table of contents", "pkg", flipAt(() => 200), /XAR_DAMAGED|XAR_TOC/],
  [
    "a file in a package",
    "pkg",
    flipAt((bytes) => bytes.indexOf("s8ch") - 16 - 100),
    /XAR_DATA .*Payload differs from its checksum/,
  ],
  ["the signing time of a package", "pkg", flip(SIGNING_TIME, 18), /CMS_SIGNATURE .*Developer ID Installer/],
  ["the ticket of a package", "pkg", flip("s8ch"), /TICKET_DAMAGED/],
  ["data behind a package", "pkg", append, /XAR_HIDDEN/],
  // Windows
  ["code of a program", "pe", flipAt(() => 1100), /AUTHENTICODE_DIGEST .*it is for a file with sha256/],
  ["an attribute of Authenticode", "pe", flip(oid("060a2b060104018237020115"), 9), /CMS_SIGNATURE/],
  ["a Windows certificate", "pe", flip("Erth Test Publisher", 3), /CMS_CERTIFICATE/],
  ["a Windows timestamp", "pe", flip("20260601120000Z", 10), /CMS_DIGEST/],
  [
    "the certificate table's length",
    "pe",
    (bytes) => void bytes.writeUInt32LE(bytes.readUInt32LE(tableAt(bytes)) + 8, tableAt(bytes)),
    /PE_CERTIFICATE_TABLE/,
  ],
  [
    "the entry of the certificate table",
    "pe",
    (bytes) => void bytes.writeUInt32LE(bytes.readUInt32LE(entryOffset() + 4) + 8, entryOffset() + 4),
    /PE_CERTIFICATE_TABLE .*beyond the file/,
  ],
  ["the checksum", "pe", flipAt(() => 0x80 + 24 + 64), /PE_CHECKSUM/],
  ["data behind a program", "pe", append, /PE_CERTIFICATE_TABLE .*16 bytes follow the certificate table/],
  ["a stream of an installer", "msi", flip("cabinetcabinet", 3), /AUTHENTICODE_DIGEST .*it is for a file with sha256/],
  [
    "a name in an installer",
    "msi",
    flip(Buffer.from("data.cab", "utf16le"), 2),
    /MSI_EXTENDED .*Names, sizes or times differ/,
  ],
  ["an installer's certificate", "msi", flip("Erth Test Publisher", 3), /CMS_CERTIFICATE/],
  ["data behind an installer", "msi", append, /MSI_HIDDEN .*16 bytes follow the last stream/],
  [
    "a file in an app package",
    "msix",
    flipAt(() => 400),
    /MSIX_DIGEST .*It was changed after it was signed: its files \(AXPC\)/,
  ],
  ["a date in an app package", "msix", flip("PK\u0001\u0002", 12), /MSIX_DIGEST .*\(AXCD\)/],
  [
    "a file's name in an app package",
    "msix",
    (bytes) => {
      for (const at of [bytes.indexOf("readme.txt"), bytes.lastIndexOf("readme.txt")]) bytes[at]! ^= 0x20;
    },
    /MSIX_DAMAGED .*readme\.txt is in the block map, but not in the package/,
  ],
  ["data behind an app package", "msix", append, /VERIFY_NAME|ZIP_HIDDEN/],
  // Linux
  [
    "a package's files",
    "deb",
    flipAt((bytes) => bytes.indexOf("data.tar.gz") + 60 + 40),
    /DEB_DAMAGED[^]*OPENPGP_SIGNATURE .*its _gpgorigin was not made/,
  ],
  ["data behind a Debian package", "deb", append, /AR_DAMAGED/],
  ["an RPM's header", "rpm", flip("notes\u00001.4.0", 7), /RPM_DIGEST .*The header's SHA-256[^]*OPENPGP_SIGNATURE/],
  ["an RPM's payload", "rpm", flipAt((bytes) => bytes.length - 6), /RPM_DIGEST .*payload's sha256/],
  ["data behind an RPM", "rpm", append, /RPM_DIGEST .*payload's sha256/],
  [
    "the files of an AppImage",
    "appimage",
    flip("hsqs, and", 6),
    /OPENPGP_SIGNATURE .*its embedded signature was not made/,
  ],
  ["the signature of an AppImage", "appimage", flip("-----BEGIN PGP SIGNATURE", 60), /OPENPGP/],
  ["data behind an AppImage", "appimage", append, /OPENPGP_SIGNATURE/],
  ["the payload of a single file", "elf", flip("ERTHPAY1", -40), /PAYLOAD_DAMAGED/],
  ["a file that is signed beside", "file", flipAt(() => 3), /OPENPGP_SIGNATURE .*feed\.json\.asc[^]*MINISIGN_REFUSED/],
  // .zip
  ["a file in a zip", "zip", flipAt(() => 400), /ZIP_DAMAGED|ZIP_CONTRADICTION|BUNDLE/],
  ["a name in a zip", "zip", flip("Tiny.app/Contents/Info.plist", 20), /ZIP_CONTRADICTION .*local header names/],
  ["data behind a zip", "zip", append, /ZIP_HIDDEN .*16 bytes follow the archive/],
];

test.for(ATTACKS)("%s (%s) is reported by name", async ([, kind, change, expected, inner]) => {
  expect(await problemsAfter(kind, change, inner)).toMatch(expected);
});

test("a nested program that was signed again by somebody else does not match its seal", async () => {
  const path = "Contents/MacOS/libtiny.dylib";
  const other = await readFile(join(folder, SIGNED_FILES.universal));
  expect(await problemsAfter("app", () => other, path)).toMatch(
    /BUNDLE_SEAL .*libtiny\.dylib has the cdhash .*, and is sealed as/,
  );
});

test("a signature that was taken off is missed", async () => {
  const unsigned = await readFile(join(folder, "unsigned", "a.exe"));
  expect(await problemsAfter("pe", () => unsigned)).toMatch(/PE_UNSIGNED/);
  expect(await problemsAfter("mach-o", (bytes) => void bytes.writeUInt32LE(0, 16))).toMatch(/MACHO_|CODESIGN_/);
});
