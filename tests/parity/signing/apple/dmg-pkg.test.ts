/**
 * Our disk images and packages, signed and stapled, in the eyes of readers
 * that share no code with us: relic (Go), rcodesign (Rust), 7-Zip, OpenSSL.
 *
 * Allowed differences: rcodesign signs the digest of a package's checksum,
 * not the checksum itself, and calls our RSA signature wrong; relic and
 * OpenSSL, and Apple's documentation of xar, read it as we write it. relic
 * calls a stapled ticket present without reading it.
 */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { rangeOfBytes } from "../../../../build/formats/byte-range.ts";
import { signDmg } from "../../../../signing/apple/dmg.ts";
import { attachTicket } from "../../../../signing/apple/notary/staple.ts";
import { readDiskImage } from "../../../../signing/apple/udif.ts";
import { blobContent, parseSuperBlob, SLOT } from "../../../../signing/apple/super-blob.ts";
import { readXar } from "../../../../build/formats/xar.ts";
import { signXar } from "../../../../signing/apple/xar-signature.ts";
import { appleAuthority, TEAM_ID } from "../../../fakes/certificate-authority.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../../../fakes/timestamp-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { smallDmg } from "../../../unit/signing/apple/notary/small-dmg.ts";
import { smallXar } from "../../../unit/signing/apple/notary/small-xar.ts";
import { findTool, runTool } from "./apple-tools.ts";

const relic = findTool("relic");
const rcodesign = findTool("rcodesign");
const sevenZip = findTool("7z");
const openssl = findTool("openssl");

const authority = appleAuthority();
const PARTITION = randomBytes(512 * 64);
const FILES = { Distribution: Buffer.from("<installer-gui-script/>"), Payload: randomBytes(9000) };
const signingTime = new Date("2026-06-01T12:00:00Z");

let tsa: TimestampAuthority;
beforeAll(async () => void (tsa = await startTimestampAuthority()));
afterAll(() => tsa.close());

/** A folder with `s.dmg` and `s.pkg` signed, `t.dmg` and `t.pkg` stapled as well, and both roots. */
async function made(): Promise<string> {
  const folder = await scratchFolder();
  const at = (name: string): string => join(folder, name);
  const timestamp = { url: tsa.url, fetch };
  await writeFile(at("u.dmg"), smallDmg(PARTITION));
  await writeFile(at("u.pkg"), smallXar(FILES));
  const signing = { signer: authority.application.signer, file: "s.dmg", signingTime, timestamp };
  await signDmg({ path: at("u.dmg"), output: at("s.dmg"), identifier: "Notes", teamId: TEAM_ID, signing });
  const { signer } = authority.installer;
  await signXar({ path: at("u.pkg"), output: at("s.pkg"), fileName: "s.pkg", signer, signingTime, timestamp });
  const ticket = Buffer.concat([Buffer.from("s8ch"), randomBytes(2000)]);
  for (const kind of ["dmg", "pkg"]) await attachTicket(at(`s.${kind}`), at(`t.${kind}`), ticket);
  await writeFile(at("root.pem"), authority.root.certificatePem);
  const timeRoot = tsa.identity.chain.at(-1);
  await writeFile(
    at("time.pem"),
    `-----BEGIN CERTIFICATE-----\n${Buffer.from(timeRoot ?? []).toString("base64")}\n-----END CERTIFICATE-----\n`,
  );
  return folder;
}

async function flip(path: string, output: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(output, bytes);
}

test.skipIf(relic === undefined)(
  "relic verifies signature, chain, timestamp and digests, and sees the ticket",
  async () => {
    const folder = await made();
    const trust = ["verify", "--cert", "root.pem", "--cert", "time.pem"];
    const good = runTool(relic, [...trust, "s.dmg", "t.dmg", "s.pkg", "t.pkg"], folder);
    expect(good.output).toContain(`s.dmg: OK - Notes[TeamID:${TEAM_ID}]: `);
    expect(good.output).toContain(`t.dmg: OK - Notes[TeamID:${TEAM_ID}][HasNotaryTicket]: `);
    expect(good.output).toContain("s.pkg: OK - `");
    expect(good.output).toContain("t.pkg: OK - [HasNotaryTicket]: ");
    expect(good.output.match(/\(timestamp\): OK/g)).toHaveLength(4);
    expect(good.status).toBe(0);

    const { dataBytes } = await readDiskImage(rangeOfBytes(await readFile(join(folder, "s.dmg"))));
    const { heapOffset, toc } = await readXar(rangeOfBytes(await readFile(join(folder, "s.pkg"))));
    const damage: readonly (readonly [file: string, at: number])[] = [
      ["s.dmg", 100],
      ["s.dmg", dataBytes - 1],
      ["s.pkg", heapOffset + (toc.data[0]?.offset ?? 0)],
      ["s.pkg", heapOffset + 3],
    ];
    for (const [file, at] of damage) {
      await flip(join(folder, file), join(folder, `bad-${file}`), at);
      expect(runTool(relic, [...trust, `bad-${file}`], folder).status, `${file} at ${at}`).not.toBe(0);
    }
  },
);

test.skipIf(rcodesign === undefined)("rcodesign reads the same facts, and verifies checksum and CMS", async () => {
  const folder = await made();
  const dmg = runTool(rcodesign, ["print-signature-info", "t.dmg"], folder).output;
  for (const fact of [
    "version: '0x20200'",
    `team_name: ${TEAM_ID}`,
    "identifier: Notes",
    "code_digests_count: 1",
    "slot: Ticket (65538)",
    "signature_verifies: true",
  ]) {
    expect(dmg).toContain(fact);
  }
  expect(dmg).not.toContain("signature_verifies: false");
  const pkg = runTool(rcodesign, ["print-signature-info", "t.pkg"], folder).output;
  for (const fact of [
    "checksum_verifies: true",
    "cms_signature_verifies: true",
    "apple_certificate_profile: developer-id-installer",
  ])
    expect(pkg).toContain(fact);
});

test.skipIf(rcodesign === undefined)("rcodesign makes the same ad-hoc CodeDirectory of the same image", async () => {
  const folder = await scratchFolder();
  await writeFile(join(folder, "u.dmg"), smallDmg(PARTITION));
  const ours = await signDmg({ path: join(folder, "u.dmg"), output: join(folder, "ours.dmg"), identifier: "Notes" });
  expect(runTool(rcodesign, ["sign", "--binary-identifier", "Notes", "u.dmg", "theirs.dmg"], folder).status).toBe(0);
  const { signature } = await readDiskImage(rangeOfBytes(await readFile(join(folder, "theirs.dmg"))));
  const theirs = parseSuperBlob(signature ?? new Uint8Array()).find(({ slot }) => slot === SLOT.codeDirectory);
  expect(Buffer.from(theirs?.bytes ?? new Uint8Array()).equals(ours)).toBe(true);
});

test.skipIf(sevenZip === undefined)("7z takes both out as they went in", async () => {
  const folder = await made();
  for (const file of ["s.dmg", "t.dmg"]) {
    const out = join(folder, `${file}.out`);
    expect(runTool(sevenZip, ["x", "-tdmg", "-y", `-o${out}`, file], folder).output).toContain("Everything is Ok");
    const [image] =
      runTool(sevenZip, ["l", "-tdmg", "-slt", "-ba", file], folder).output.match(/(?<=Path = ).+/g) ?? [];
    expect((await readFile(join(out, image ?? ""))).equals(PARTITION)).toBe(true);
  }
  // 7-Zip compares the checksums of table and files, SHA-256 as well.
  for (const file of ["s.pkg", "t.pkg"]) {
    const out = join(folder, `${file}.out`);
    expect(runTool(sevenZip, ["x", "-txar", "-y", `-o${out}`, file], folder).output).toContain("Everything is Ok");
    for (const [name, content] of Object.entries(FILES))
      expect((await readFile(join(out, name))).equals(content)).toBe(true);
  }
});

test.skipIf(openssl === undefined)(
  "OpenSSL verifies a package's RSA and CMS, and a disk image's CMS over its CodeDirectory",
  async () => {
    const folder = await made();
    const verifyCms = (cms: string, content: string) =>
      runTool(
        openssl,
        [
          "cms",
          "-verify",
          "-inform",
          "DER",
          "-in",
          cms,
          "-content",
          content,
          "-binary",
          "-purpose",
          "any",
          "-ignore_critical",
          "-CAfile",
          "root.pem",
          "-out",
          "verified",
        ],
        folder,
      );

    const pkg = await readFile(join(folder, "s.pkg"));
    const { heapOffset, toc, checksum } = await readXar(rangeOfBytes(pkg));
    const part = (style: string): Buffer => {
      const found = toc.signatures.find((signature) => signature.style === style);
      return pkg.subarray(heapOffset + (found?.offset ?? 0), heapOffset + (found?.offset ?? 0) + (found?.size ?? 0));
    };
    await writeFile(join(folder, "checksum"), checksum);
    await writeFile(join(folder, "rsa"), part("RSA"));
    await writeFile(join(folder, "pkg.cms"), part("CMS"));
    await writeFile(join(folder, "leaf.spki"), parseCertificate(authority.installer.der).key.spki);
    const rsa = runTool(
      openssl,
      [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-keyform",
        "DER",
        "-inkey",
        "leaf.spki",
        "-sigfile",
        "rsa",
        "-in",
        "checksum",
        "-pkeyopt",
        "digest:sha256",
      ],
      folder,
    );
    expect(rsa.output).toContain("Signature Verified Successfully");
    expect(verifyCms("pkg.cms", "checksum")).toMatchObject({ status: 0 });

    const { signature } = await readDiskImage(rangeOfBytes(await readFile(join(folder, "s.dmg"))));
    const blobs = parseSuperBlob(signature ?? new Uint8Array());
    const blob = (slot: number): Uint8Array => blobs.find((each) => each.slot === slot)?.bytes ?? new Uint8Array();
    await writeFile(join(folder, "dmg.cms"), blobContent(blob(SLOT.cms)));
    await writeFile(join(folder, "directory"), blob(SLOT.codeDirectory));
    expect(verifyCms("dmg.cms", "directory")).toMatchObject({ status: 0 });
    await flip(join(folder, "directory"), join(folder, "directory-bad"), 60);
    expect(verifyCms("dmg.cms", "directory-bad").status).not.toBe(0);
  },
);
