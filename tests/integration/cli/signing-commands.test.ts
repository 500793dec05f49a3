import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { writeRelease } from "../../../build/artifacts/dist.ts";
import { type Manifest, readManifest } from "../../../build/artifacts/manifest.ts";
import { doctor } from "../../../build/cli/commands/doctor.ts";
import { notarize } from "../../../build/cli/commands/notarize.ts";
import { sign } from "../../../build/cli/commands/sign.ts";
import { staple } from "../../../build/cli/commands/staple.ts";
import type { KeyWorld } from "../../../build/keys/key-world.ts";
import { signMacApp } from "../../../build/stages/sign-mac-app.ts";
import { ticketNameOf } from "../../../signing/apple/notary/artifact-kind.ts";
import { verifyApp } from "../../../signing/apple/verify-app.ts";
import { verifyMachO } from "../../../signing/apple/verify-mach-o.ts";
import { parseCertificate } from "../../../signing/cms/certificate.ts";
import { Secret } from "../../../runtime/base/secret.ts";
import { encodeMinisignSecretKey, generateMinisignKey } from "../../../signing/linux/minisign-key.ts";
import { fileContent, parseMinisignSignature, verifyMinisign } from "../../../signing/linux/minisign.ts";
import { readOpenPgpKey } from "../../../signing/linux/openpgp-key.ts";
import { readOpenPgpPublicKeys } from "../../../signing/linux/openpgp-public-key.ts";
import { inspectAppImage } from "../../../signing/linux/verify-appimage.ts";
import { inspectRpm } from "../../../signing/linux/verify-rpm.ts";
import { whoSignedApple, whoSignedWindows } from "../../../signing/who-signed.ts";
import { verifyMsix } from "../../../signing/windows/verify-msix.ts";
import { verifyPe } from "../../../signing/windows/verify-pe.ts";
import { smallAppImage, smallRpm } from "../../support/linux-packages.ts";
import { smallMsix } from "../../unit/formats/msix-tree.ts";
import { openPgpKeyText } from "../../unit/keys/openpgp-key.ts";
import { tinyMachO } from "../../unit/signing/apple/tiny-mach-o.ts";
import { writeTinyApp } from "../../unit/signing/apple/tiny-app.ts";
import { smallDmg } from "../../unit/signing/apple/notary/small-dmg.ts";
import { smallXar } from "../../unit/signing/apple/notary/small-xar.ts";
import { smallMsi } from "../../unit/signing/windows/small-msi.ts";
import { smallPe } from "../../unit/signing/windows/small-pe.ts";
import { lane } from "../signing/stages/lanes.ts";
import {
  appStageOf,
  apple,
  fileWith,
  iconsStageOf,
  KEY,
  material,
  NOTARIZE,
  signingRun,
  type SigningRun,
  TICKET,
  windows,
} from "../signing/stages/signing-run.ts";
import { runCommand, writeProject } from "./support/in-process.ts";

const trustedRoots = [parseCertificate(apple.root.der).fingerprint];
const minisignKey = generateMinisignKey();

let run: SigningRun;
let project: string;
let env: Record<string, string>;
let world: Partial<KeyWorld>;

beforeEach(async () => {
  run = await signingRun();
  project = join(run.folder, "project");
  const { fake, around } = run.notary;
  world = {
    appleUrls: { notary: fake.notaryUrl, s3: fake.s3Url, tickets: fake.ticketUrl },
    now: () => around.now(),
  };
  env = {
    ...run.env,
    CODE_KEY: material(apple.application),
    INSTALLER_KEY: material(apple.installer),
    WINDOWS_KEY: material(windows.leaf),
    MINISIGN_KEY: (await encodeMinisignSecretKey(minisignKey, "minisign")).reveal(),
  };
  run.env["CODE_KEY"] = env["CODE_KEY"] ?? "";
  run.signing = {
    apple: {
      key: KEY,
      installerKey: { env: "INSTALLER_KEY", passwordEnv: "CODE_PASSWORD" },
      timestamp: run.stamps.url,
      notarize: NOTARIZE,
    },
    windows: { key: { env: "WINDOWS_KEY", passwordEnv: "CODE_PASSWORD" }, timestamp: run.stamps.url },
    linux: { minisign: { env: "MINISIGN_KEY" } },
  };
  await writeProject(project, run.signing);
});

const erth = (command: typeof sign, ...args: string[]) => runCommand(command, { folder: project, args, env, world });
const dist = (name = ""): string => join(project, "dist/1.2.3", name);

async function manifest(): Promise<Manifest> {
  execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: dist() });
  const read = await readManifest(dist("manifest.json"));
  if (read === undefined) throw new Error("no manifest");
  return read;
}

/** A release of one signed, not notarized app in a zip, and of these files beside it under the same format. */
async function release(files: Readonly<Record<string, Uint8Array>> = {}): Promise<string> {
  const source = writeTinyApp(join(run.folder, "Source.app"));
  const facts = { launch: { executable: "Contents/MacOS/tiny", args: [], cwd: "", env: {} } };
  const { apple: settings } = run.signing;
  run.signing = { apple: { ...settings!, notarize: undefined } };
  const made = await run.run(
    [iconsStageOf(), appStageOf(source, facts), signMacApp, ...lane("zip").slice(0, 1)],
    "darwin-arm64",
  );
  await writeRelease(join(project, "dist"), made.manifest, made.result);
  const whole = await manifest();
  const [zip] = whole.artifacts;
  if (zip === undefined) throw new Error("no zip");
  const others = Object.entries(files).map(([path, content]) => ({
    entry: { ...zip, path, bytes: content.length },
    content,
  }));
  for (const { entry, content } of others) await writeFile(dist(entry.path), content);
  const artifacts = [zip, ...others.map(({ entry }) => entry)];
  await writeFile(dist("manifest.json"), JSON.stringify({ ...whole, artifacts }));
  return zip.path;
}

test("sign: each file as its kind is signed, in its place; the manifest and the sums follow", async () => {
  await release({
    "notes.dmg": smallDmg(Buffer.alloc(512 * 8, 1)),
    "notes.pkg": smallXar({ Payload: Buffer.alloc(900, 2) }),
  });
  const other = (name: string) => join(project, name);
  await writeFile(other("tool"), tinyMachO(), { mode: 0o755 });
  await writeFile(other("setup.exe"), smallPe());
  await writeFile(other("setup.msi"), await smallMsi());
  await copyFile(await smallMsix(), other("notes.msix"));
  await writeFile(other("notes.AppImage"), "an AppImage");
  await mkdir(other("Tiny.app"));
  writeTinyApp(other("Tiny.app"));
  const names = [
    "notes.dmg",
    "notes.pkg",
    "tool",
    "setup.exe",
    "setup.msi",
    "notes.msix",
    "notes.AppImage",
    "Tiny.app",
  ];
  const ended = await erth(sign, ...names);
  expect([ended.exitCode, ended.codes]).toEqual([0, []]);

  expect(await verifyMachO({ path: other("tool"), trustedRoots })).toEqual([]);
  expect(await verifyApp({ app: other("Tiny.app"), trustedRoots })).toEqual([]);
  const trust = { trusted: [windows.root.der], now: run.stampedAt };
  expect((await verifyPe({ file: other("setup.exe"), ...trust })).problems).toEqual([]);
  expect((await verifyMsix({ file: other("notes.msix"), ...trust })).problems).toEqual([]);
  expect((await whoSignedWindows(other("setup.msi")))?.by).toBe("Erth Test Publisher");
  const signature = parseMinisignSignature(await readFile(other("notes.AppImage.minisig"), "utf8"));
  const { publicKey } = minisignKey;
  expect(await verifyMinisign(fileContent(other("notes.AppImage")), signature, publicKey, "it")).toMatch(
    /notes\.AppImage/,
  );
  expect((await whoSignedApple(dist("notes.dmg")))?.by).toMatch(/^Developer ID Application/);
  expect((await whoSignedApple(dist("notes.pkg")))?.by).toMatch(/^Developer ID Installer/);

  const { artifacts } = await manifest();
  expect(artifacts.find(({ path }) => path === "notes.pkg")).toMatchObject({
    signedBy: expect.stringMatching(/^Developer ID Installer/),
    signature: { timestamp: run.stampedAt.toISOString() },
    bytes: (await readFile(dist("notes.pkg"))).length,
  });
  const secrets = [
    ...run.secrets(),
    ...Object.values(env).flatMap((text) => text.split("\n").filter((line) => line.length === 64)),
  ];
  expect(await fileWith(project, secrets)).toBeUndefined();
  for (const secret of secrets) expect(ended.output).not.toContain(secret);
});

test("sign: with an OpenPGP key AppImages and RPMs are signed inside, and both again beside", async () => {
  env["OPENPGP_KEY"] = await openPgpKeyText();
  await writeProject(project, { linux: { openpgp: { env: "OPENPGP_KEY" }, minisign: { env: "MINISIGN_KEY" } } });
  await writeFile(join(project, "notes.AppImage"), await smallAppImage());
  await writeFile(join(project, "notes.rpm"), await smallRpm());
  const ended = await erth(sign, "notes.AppImage", "notes.rpm");
  expect([ended.exitCode, ended.codes]).toEqual([0, []]);
  const now = new Date(Date.now() + 60_000);
  const { armoredPublicKey } = await readOpenPgpKey(new Secret(env["OPENPGP_KEY"]), undefined, now);
  const keys = await readOpenPgpPublicKeys(Buffer.from(armoredPublicKey), "the key");
  const { publicKey } = minisignKey;
  for (const [name, inspect] of [
    ["notes.AppImage", inspectAppImage],
    ["notes.rpm", inspectRpm],
  ] as const) {
    const path = join(project, name);
    expect(await readFile(`${path}.asc`, "utf8")).toMatch(/^-----BEGIN PGP SIGNATURE-----/);
    const { signatures, problems } = await inspect(path, { keys, now });
    expect([signatures.map(({ holds }) => holds), problems]).toEqual([[true], []]);
    const beside = parseMinisignSignature(await readFile(`${path}.minisig`, "utf8"));
    expect(await verifyMinisign(fileContent(path), beside, publicKey, name)).toContain(name);
  }
});

test("sign: without a name, a zip of the release is told to be signed inside", async () => {
  const zip = await release();
  const before = await readFile(dist(zip));
  const ended = await erth(sign);
  expect(ended.output).toMatch(/is signed inside, by erth release/);
  expect(await readFile(dist(zip))).toEqual(before);
  expect((await erth(sign, zip)).codes).toEqual(["SIGN_KIND"]);
});

test("sign: no key, a wrong key, a folder and a name that is nothing", async () => {
  await writeFile(join(project, "notes.exe"), smallPe());
  await writeProject(project, { apple: run.signing.apple! });
  expect((await erth(sign, "notes.exe")).codes).toEqual(["SIGN_NO_KEY"]);
  expect((await erth(sign, "shell")).codes).toEqual(["VERIFY_KIND"]);
  expect((await erth(sign, "ntoes.exe", "nothing")).codes).toEqual(["USAGE_ARGUMENT", "USAGE_ARGUMENT"]);
  env["CODE_KEY"] = material(apple.expired);
  await writeFile(join(project, "tool"), tinyMachO());
  const before = await readFile(join(project, "tool"));
  expect((await erth(sign, "tool")).codes).toEqual(["CERTIFICATE_EXPIRED"]);
  expect(await readFile(join(project, "tool"))).toEqual(before);
});

test("notarize --submit leaves the submission in the manifest; --resume elsewhere waits and staples the app in the zip", async () => {
  const zip = await release();
  const before = await readFile(dist(zip));
  const { notary } = run.notary.fake;
  notary.judge = () => "In Progress";
  const submitted = await erth(notarize, "--submit");
  expect(submitted.exitCode).toBe(0);
  const [id] = notary.submissions.keys();
  expect((await manifest()).artifacts[0]?.notarization).toMatchObject({ state: "submitted", record: { id } });
  expect(await readFile(dist(zip))).toEqual(before);

  // Another machine: the release was copied there, nothing else.
  const elsewhere = join(run.folder, "elsewhere");
  await writeProject(elsewhere, { apple: { key: KEY, notarize: NOTARIZE } });
  await mkdir(join(elsewhere, "dist/1.2.3"), { recursive: true });
  for (const name of [zip, "manifest.json", "SHA256SUMS"]) {
    await copyFile(dist(name), join(elsewhere, "dist/1.2.3", name));
  }
  project = elsewhere;
  notary.judge = () => "Accepted";
  const resumed = await erth(notarize, "--resume");
  expect([resumed.exitCode, resumed.codes]).toEqual([0, []]);
  expect(notary.submissions.size).toBe(1);
  const [file] = (await manifest()).artifacts;
  expect(file).toMatchObject({
    notarization: { state: "stapled", record: { id } },
    bytes: (await readFile(dist(zip))).length,
  });

  const unpacked = join(run.folder, "unpacked");
  execFileSync("unzip", ["-q", dist(zip), "-d", unpacked]);
  expect(await readFile(join(unpacked, "Tiny.app/Contents/CodeResources"))).toEqual(TICKET);
  expect(await verifyApp({ app: join(unpacked, "Tiny.app"), trustedRoots })).toEqual([]);
  execFileSync("unzip", ["-tq", dist(zip)]);
  execFileSync("7z", ["t", dist(zip)]);
  for (const secret of run.secrets()) expect(submitted.output + resumed.output).not.toContain(secret);
});

test("notarize: waits and staples a disk image and a package; then nothing is left to do", async () => {
  await release({
    "notes.dmg": smallDmg(Buffer.alloc(512 * 8, 1)),
    "notes.pkg": smallXar({ Payload: Buffer.alloc(900, 2) }),
  });
  await erth(sign, "notes.dmg", "notes.pkg");
  const ended = await erth(notarize);
  expect([ended.exitCode, ended.codes]).toEqual([0, []]);
  for (const name of ["notes.dmg", "notes.pkg"]) expect((await readFile(dist(name))).includes(TICKET)).toBe(true);
  expect((await manifest()).artifacts.map(({ notarization }) => notarization?.state)).toEqual([
    "stapled",
    "stapled",
    "stapled",
  ]);
  expect((await erth(notarize)).output).toMatch(/no file of macOS that is not notarized yet/);
  expect((await erth(notarize, "--resume")).output).toMatch(/no submission to wait for/);
  expect((await erth(notarize, "--resume", "--submit")).codes).toEqual(["USAGE_FLAG"]);
});

test("notarize: an app of its own keeps its record beside it", async () => {
  const app = writeTinyApp(join(project, "Own.app"));
  await erth(sign, "Own.app");
  await erth(notarize, "--submit", "Own.app");
  expect(JSON.parse(await readFile(`${app}.notarization.json`, "utf8"))).toMatchObject({ isUploaded: true });
  expect((await erth(notarize, "--resume", "Own.app")).codes).toEqual([]);
  expect(await readFile(join(app, "Contents/CodeResources"))).toEqual(TICKET);
  expect(await verifyApp({ app, trustedRoots })).toEqual([]);
});

test("notarize: what Apple would refuse is refused before it is sent", async () => {
  writeTinyApp(join(project, "Own.app"));
  await writeProject(project, { apple: { ...run.signing.apple!, notarize: undefined, hardenedRuntime: false } });
  await erth(sign, "Own.app");
  await writeProject(project, run.signing);
  const { codes } = await erth(notarize, "Own.app");
  expect(new Set(codes)).toEqual(new Set(["NOTARY_RUNTIME"]));
  await erth(sign, "Own.app");
  await writeFile(join(project, "Own.app/Contents/Resources/app/addon.node"), tinyMachO({ fileType: 8 }));
  expect((await erth(notarize, "Own.app")).output).toMatch(/CODESIGN_MISSING.*addon\.node/);
  expect(run.notary.fake.notary.submissions.size).toBe(0);
});

test("staple: a ticket that is there already, and one that is not", async () => {
  const zip = await release();
  const { tickets } = run.notary.fake.cloudKit;
  const asked: string[] = [];
  tickets.get = (name) => {
    asked.push(name);
    return TICKET;
  };
  expect((await erth(staple, zip)).codes).toEqual([]);
  const unpacked = join(run.folder, "unpacked");
  execFileSync("unzip", ["-q", dist(zip), "-d", unpacked]);
  expect(asked).toEqual([await ticketNameOf(join(unpacked, "Tiny.app"), "app")]);
  expect((await manifest()).artifacts[0]?.notarization).toEqual({ state: "stapled" });
  tickets.get = () => undefined;
  const before = await readFile(dist(zip));
  expect((await erth(staple, zip)).codes).toEqual(["NOTARY_NO_TICKET"]);
  expect(await readFile(dist(zip))).toEqual(before);
});

test("doctor: what is right, what is wrong, and no secret", async () => {
  const right = await erth(doctor, "signing");
  expect(right.exitCode).toBe(0);
  expect(right.output).toMatch(/Developer ID Installer/);
  env["WINDOWS_KEY"] = material(windows.server);
  env["API_KEY"] = "QUJDRA==";
  const wrong = await erth(doctor);
  expect(wrong.exitCode).toBe(4);
  expect(wrong.output).toMatch(/CERTIFICATE_KIND[\s\S]*KEY_DAMAGED|KEY_DAMAGED[\s\S]*CERTIFICATE_KIND/);
  for (const secret of run.secrets()) expect(right.output + wrong.output).not.toContain(secret);
  expect((await erth(doctor, "sining")).codes).toEqual(["USAGE_ARGUMENT"]);
});
