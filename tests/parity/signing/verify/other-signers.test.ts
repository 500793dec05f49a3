/** Files that other tools made and signed pass `erth verify`, told by their content, with the right signer. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { allProblems, allSignatures, verifyFile } from "../../../../signing/verify.ts";
import { joinTrust, NO_TRUST, parseTrust, type Trust } from "../../../../signing/verify/trust.ts";
import { appleAuthority, timestampIdentity, windowsAuthority } from "../../../fakes/certificate-authority.ts";
import { startTimestampAuthority } from "../../../fakes/timestamp-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { smallDmg } from "../../../unit/signing/apple/notary/small-dmg.ts";
import { smallXar } from "../../../unit/signing/apple/notary/small-xar.ts";
import { writeTinyApp } from "../../../unit/signing/apple/tiny-app.ts";
import { tinyFat, tinyMachO } from "../../../unit/signing/apple/tiny-mach-o.ts";
import { smallMsi } from "../../../unit/signing/windows/small-msi.ts";
import { smallPe } from "../../../unit/signing/windows/small-pe.ts";
import { findTool, runTool } from "../apple/apple-tools.ts";
import { hasJsign, hasOsslsigncode, JSIGN, run } from "../windows/tools.ts";

const relic = findTool("relic");
const rcodesign = findTool("rcodesign");
const [apple, windows] = [appleAuthority(), windowsAuthority()];
const roots = [apple.root.der, windows.root.der, timestampIdentity().chain.at(-1) ?? new Uint8Array()];
const trust: Trust = { ...NO_TRUST, roots: roots.map((der) => parseCertificate(der)) };

/** What is found of a file: its kind, `CODE message` of every problem, and every signer once. */
async function look(path: string, more: Trust = NO_TRUST) {
  const found = await verifyFile(path, { trust: joinTrust([trust, more]), now: new Date() });
  return {
    kind: found.kind,
    problems: allProblems(found).map(({ code, message }) => `${code} ${message}`),
    signers: Array.from(new Set(allSignatures(found).map(([, { signer }]) => signer))),
  };
}

async function place(files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = await scratchFolder();
  const tsa = await startTimestampAuthority();
  onTestFinished(() => tsa.close());
  const keys = {
    "key.pem": windows.leaf.keyPem,
    "chain.pem": windows.leaf.chainPem,
    "app.pem": apple.application.chainPem,
  };
  for (const [name, content] of Object.entries({ ...keys, "installer.pem": apple.installer.chainPem, ...files }))
    await writeFile(join(folder, name), content);
  return { folder, at: (name: string): string => join(folder, name), url: tsa.url };
}

const UNSTAMPED = "TIMESTAMP_MISSING Signature 0";

test.skipIf(!hasOsslsigncode)("osslsigncode: programs with page hashes, and installers", async () => {
  const { at, url } = await place({ "a.exe": smallPe({ code: Buffer.alloc(9000, 0x90) }), "a.msi": await smallMsi() });
  const sign = (input: string, output: string, ...args: readonly string[]) =>
    run("osslsigncode", [
      "sign",
      "-h",
      "sha256",
      ...args,
      "-ts",
      url,
      "-certs",
      at("chain.pem"),
      "-key",
      at("key.pem"),
      "-in",
      at(input),
      "-out",
      at(output),
    ]);
  expect(await sign("a.exe", "s.exe", "-ph")).toMatchObject({ isDone: true });
  expect(await sign("a.msi", "s.msi", "-add-msi-dse")).toMatchObject({ isDone: true });
  const signers = ["Erth Test Publisher"];
  expect(await look(at("s.exe"))).toEqual({ kind: "pe", problems: [], signers });
  expect(await look(at("s.msi"))).toEqual({ kind: "msi", problems: [], signers });
});

test.skipIf(!hasJsign)("jsign: programs", async () => {
  const { at, url } = await place({ "a.exe": smallPe() });
  const keys = ["--keyfile", at("key.pem"), "--certfile", at("chain.pem"), "--tsaurl", url, "--tsmode", "RFC3161"];
  expect(await run("java", ["-jar", JSIGN, ...keys, at("a.exe")])).toMatchObject({ isDone: true });
  expect(await look(at("a.exe"))).toEqual({ kind: "pe", problems: [], signers: ["Erth Test Publisher"] });
});

const RELIC = `tokens: { file: { type: file } }
keys:
  windows: { token: file, keyfile: key.pem, x509certificate: chain.pem }
  app: { token: file, keyfile: key.pem, x509certificate: app.pem }
  installer: { token: file, keyfile: key.pem, x509certificate: installer.pem }
`;

test.skipIf(relic === undefined)("relic: every kind of macOS and Windows that it knows", async () => {
  const { at, folder } = await place({
    "relic.yml": RELIC,
    "a.exe": smallPe({ code: Buffer.alloc(9000, 0x90) }),
    "a.msi": await smallMsi(),
    "a.dmg": smallDmg(Buffer.alloc(4096, "files ")),
    "a.pkg": smallXar({ Distribution: Buffer.from("<x/>"), Payload: Buffer.alloc(900, "payload") }),
    program: tinyMachO(),
  });
  const sign = (key: string, input: string, ...args: readonly string[]) =>
    runTool(relic, ["sign", "-c", "relic.yml", "-k", key, "-f", input, "-o", `s-${input}`, ...args], folder);
  for (const [key, input, ...args] of [
    ["windows", "a.exe", "--page-hashes"],
    ["windows", "a.msi"],
    ["app", "a.dmg", "--bundle-id", "dev.erth.notes"],
    ["installer", "a.pkg"],
    ["app", "program", "--bundle-id", "dev.erth.notes"],
  ] as const) {
    expect(sign(key, input, ...args)).toMatchObject({ status: 0 });
  }
  const publisher = ["Erth Test Publisher"];
  const developer = ["Developer ID Application: Erth Test (ERTH123456)"];
  const unstamped = [expect.stringContaining(UNSTAMPED.split(" ")[0] ?? "")];
  expect(await look(at("s-a.exe"))).toEqual({ kind: "pe", problems: unstamped, signers: publisher });
  expect(await look(at("s-a.msi"))).toEqual({ kind: "msi", problems: unstamped, signers: publisher });
  expect(await look(at("s-a.dmg"))).toEqual({ kind: "dmg", problems: [], signers: developer });
  expect(await look(at("s-a.pkg"))).toEqual({
    kind: "pkg",
    problems: [],
    signers: ["Developer ID Installer: Erth Test (ERTH123456)"],
  });
  expect(await look(at("s-program"))).toEqual({ kind: "mach-o", problems: [], signers: developer });
});

test.skipIf(rcodesign === undefined)("rcodesign: universal programs, apps and disk images", async () => {
  const { at, url } = await place({
    program: tinyFat(tinyMachO({ architecture: "x86_64" }), tinyMachO()),
    "a.dmg": smallDmg(Buffer.alloc(4096, "files ")),
  });
  // It takes the Java class file for a universal one and stops, signs object files, and seals what the Finder leaves.
  const changes = { "Contents/Resources/app/Program.class": "text", "Contents/Resources/app/object.o": undefined };
  const app = writeTinyApp(at("Tiny.app"), changes);
  rmSync(join(app, "Contents/Resources/.DS_Store"));
  await writeFile(at("apple.pem"), apple.application.keyPem + apple.application.chainPem);
  // Not `runTool`: the timestamp authority answers from this very process.
  const sign = (input: string, ...args: readonly string[]) =>
    run(rcodesign ?? "", ["sign", "--pem-file", at("apple.pem"), "--timestamp-url", url, ...args, at(input)]);
  for (const input of ["program", "Tiny.app", "a.dmg"]) {
    const { text } = await sign(input, ...(input === "a.dmg" ? [] : ["--code-signature-flags", "runtime"]));
    expect(text).not.toContain("Error");
  }
  const signers = ["Developer ID Application: Erth Test (ERTH123456)"];
  expect(await look(at("program"))).toEqual({ kind: "mach-o", problems: [], signers });
  expect(await look(app)).toEqual({ kind: "app", problems: [], signers });
  expect(await look(at("a.dmg"))).toEqual({ kind: "dmg", problems: [], signers });
});

const hasMinisign = spawnSync("minisign", ["-v"]).status === 0;

test.skipIf(!hasMinisign)("minisign: a signature beside a file, in both forms", async () => {
  const { at, folder } = await place({ "notes.tar": Buffer.alloc(3000, "erth") });
  const minisign = (...args: readonly string[]) =>
    spawnSync("minisign", args, { cwd: folder, input: "\n\n", encoding: "utf8" });
  expect(minisign("-G", "-W", "-p", "key.pub", "-s", "key.sec").status).toBe(0);
  const key = await parseTrust(await readFile(at("key.pub")), "key.pub");
  for (const form of [[], ["-l"]]) {
    expect(minisign("-S", ...form, "-s", "key.sec", "-m", "notes.tar").status).toBe(0);
    expect(await look(at("notes.tar"), key)).toMatchObject({ kind: "file", problems: [] });
  }
  await writeFile(at("notes.tar"), "changed");
  expect((await look(at("notes.tar"), key)).problems).toEqual([expect.stringContaining("MINISIGN_REFUSED")]);
});

const gpgPath = findTool("gpg");
const hasGpg = gpgPath !== undefined;
const hasDpkg = spawnSync("dpkg-deb", ["--version"]).status === 0;
const hasRpm = ["rpmbuild", "rpmsign"].every((tool) => spawnSync(tool, ["--version"]).status === 0);

describe.skipIf(!hasGpg)("gpg", () => {
  const folder = mkdtempSync(join(tmpdir(), "erth-gpg-"));
  const home = join(folder, "home");
  let key: Trust = NO_TRUST;
  const gpg = (...args: readonly string[]): Buffer => {
    const common = [
      "--homedir",
      home,
      "--batch",
      "--no-tty",
      "--quiet",
      "--pinentry-mode",
      "loopback",
      "--passphrase",
      "",
    ];
    const { status, stdout, stderr } = spawnSync("gpg", [...common, ...args]);
    if (status !== 0) throw new Error(stderr.toString());
    return stdout;
  };
  beforeAll(async () => {
    mkdirSync(home, { mode: 0o700 });
    gpg("--quick-generate-key", "Erth Packages", "rsa2048", "sign", "never");
    key = await parseTrust(gpg("--armor", "--export", "=Erth Packages"), "key.asc");
  });
  afterAll(() => {
    spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    rmSync(folder, { recursive: true, force: true });
  });

  test.skipIf(!hasDpkg).for(["gzip", "zstd", "xz"])(
    "dpkg-deb with %s, signed as debsigs does and beside",
    async (compression) => {
      const work = await scratchFolder();
      await mkdir(join(work, "tree", "DEBIAN"), { recursive: true });
      await mkdir(join(work, "tree", "usr", "bin"), { recursive: true });
      await writeFile(join(work, "tree", "usr", "bin", "notes"), "#!/bin/sh\n");
      await chmod(join(work, "tree", "DEBIAN"), 0o755);
      const control =
        "Package: notes\nVersion: 1.4.0\nArchitecture: all\nMaintainer: Erth <erth@example.com>\nDescription: notes\n";
      await writeFile(join(work, "tree", "DEBIAN", "control"), control);
      await writeFile(join(work, "tree", "DEBIAN", "md5sums"), "3e2b31c72181b87149ff995e7202c0e3  usr/bin/notes\n");
      const deb = join(work, "notes.deb");
      const built = spawnSync("dpkg-deb", ["--root-owner-group", `-Z${compression}`, "--build", "tree", deb], {
        cwd: work,
      });
      expect(built.status, built.stderr.toString()).toBe(0);
      expect(await look(deb, key)).toEqual({ kind: "deb", problems: [], signers: [] });
      const members = spawnSync("ar", ["p", deb], { maxBuffer: 1 << 24 }).stdout;
      writeFileSync(join(work, "members"), members);
      gpg("--output", join(work, "_gpgorigin"), "--detach-sign", join(work, "members"));
      expect(spawnSync("ar", ["q", deb, "_gpgorigin"], { cwd: work }).status).toBe(0);
      gpg("--armor", "--output", `${deb}.asc`, "--detach-sign", deb);
      expect(await look(deb, key)).toEqual({ kind: "deb", problems: [], signers: ["Erth Packages"] });
    },
  );

  test.skipIf(!hasRpm)("rpmbuild and rpmsign: every digest, and the header's signature", async () => {
    const work = await scratchFolder();
    const spec =
      "Name: notes\nVersion: 1.4.0\nRelease: 1\nSummary: notes\nLicense: MIT\nBuildArch: noarch\n%description\nnotes\n%install\nmkdir -p %{buildroot}/usr/share/notes\necho notes > %{buildroot}/usr/share/notes/a\n%files\n/usr/share/notes\n";
    await writeFile(join(work, "notes.spec"), spec);
    const build = spawnSync(
      "rpmbuild",
      ["-bb", "--define", `_topdir ${work}/top`, "--define", `_dbpath ${work}/db`, "notes.spec"],
      { cwd: work },
    );
    expect(build.status, build.stderr.toString()).toBe(0);
    const rpm = join(work, "top", "RPMS", "noarch", "notes-1.4.0-1.noarch.rpm");
    expect(await look(rpm, key)).toEqual({ kind: "rpm", problems: [], signers: [] });
    const macros = [
      "--define",
      `_gpg_path ${home}`,
      "--define",
      "_gpg_name Erth Packages",
      "--define",
      `_dbpath ${work}/db`,
      "--define",
      `__gpg ${gpgPath}`,
    ];
    const signed = spawnSync("rpmsign", [...macros, "--addsign", rpm], { cwd: work });
    expect(signed.status, signed.stderr.toString()).toBe(0);
    expect(await look(rpm, key)).toEqual({ kind: "rpm", problems: [], signers: ["Erth Packages"] });
    const bytes = readFileSync(rpm);
    bytes[bytes.length - 100]! ^= 1;
    writeFileSync(rpm, bytes);
    expect((await look(rpm, key)).problems.join()).toMatch(/RPM_DIGEST .*payload's sha256/);
  });
});
