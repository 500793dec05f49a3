import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PARTS } from "../../../../build/config/resolved-config.ts";
import { notarizeStages } from "../../../../build/stages/notarize-file.ts";
import { embeddedStage } from "../../../../build/stages/sign-file.ts";
import { type Stage, targetStage } from "../../../../build/stages/stage.ts";
import type { ProblemsError } from "../../../../runtime/base/errors.ts";
import {
  encodeMinisignPublicKey,
  encodeMinisignSecretKey,
  generateMinisignKey,
} from "../../../../signing/linux/minisign-key.ts";
import { readOpenPgpKey } from "../../../../signing/linux/openpgp-key.ts";
import { Secret } from "../../../../runtime/base/secret.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { verifyMsi } from "../../../../signing/windows/verify-msi.ts";
import { verifyPe } from "../../../../signing/windows/verify-pe.ts";
import { findTool } from "../../../parity/signing/apple/apple-tools.ts";
import { openPgpKeyText } from "../../../unit/keys/openpgp-key.ts";
import { smallDmg } from "../../../unit/signing/apple/notary/small-dmg.ts";
import { smallXar } from "../../../unit/signing/apple/notary/small-xar.ts";
import { smallMsi } from "../../../unit/signing/windows/small-msi.ts";
import { smallPe } from "../../../unit/signing/windows/small-pe.ts";
import { lane } from "./lanes.ts";
import {
  appStageOf,
  apple,
  iconsStageOf,
  KEY,
  material,
  NOTARIZE,
  only,
  signingRun,
  TICKET,
  windows,
} from "./signing-run.ts";

const [gpg, minisign] = [findTool("gpg"), findTool("minisign")];
const noBytes = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<(typeof PARTS)[number], number>;

/** A stage on the zip's lane whose finished file is this. */
function fileStage(content: Uint8Array): Stage {
  return targetStage({
    id: "package-zip",
    version: 1,
    scope: "target",
    lane: "zip",
    needs: [],
    makes: ["installer"],
    reads: () => ({}),
    async run(ctx) {
      const path = join(ctx.workFolder, "file");
      await writeFile(path, content);
      const bytes = { compressedBytes: { ...noBytes, container: content.length }, diskBytes: noBytes };
      const facts = { format: "zip", signedBy: null, shell: "webview", app: "" as never, ...bytes } as const;
      return [{ kind: "installer", path, facts }];
    },
  });
}

const installerKey = { env: "INSTALLER_KEY", passwordEnv: "CODE_PASSWORD" };

async function macRun() {
  const run = await signingRun();
  run.env["CODE_KEY"] = material(apple.application);
  run.env["INSTALLER_KEY"] = material(apple.installer);
  run.signing = { apple: { key: KEY, installerKey, timestamp: run.stamps.url, notarize: NOTARIZE } };
  return run;
}

test.each([
  ["dmg", smallDmg(Buffer.alloc(512 * 8, 1)), /^Developer ID Application/],
  ["pkg", smallXar({ Payload: Buffer.alloc(900, 2) }), /^Developer ID Installer/],
] as const)("a %s is signed, notarized and stapled; the manifest says all three", async (kind, content, by) => {
  const run = await macRun();
  const recipe = [fileStage(content), embeddedStage("zip", kind), ...notarizeStages("zip", kind)];
  const { result, manifest } = await run.run(recipe, "darwin-arm64");
  const stapled = only(result, "darwin-arm64", "stapled-installer");
  expect((await readFile(stapled.path)).includes(TICKET)).toBe(true);
  const [id] = run.notary.fake.notary.submissions.keys();
  expect(manifest.artifacts[0]).toMatchObject({
    signedBy: expect.stringMatching(by),
    signature: { by: expect.stringMatching(by), timestamp: run.stampedAt.toISOString() },
    notarization: { state: "stapled", record: { id } },
    sha256: stapled.sha256,
  });
  const { compressedBytes } = stapled.facts;
  expect(Object.values(compressedBytes).reduce((sum, bytes) => sum + bytes, 0)).toBe(stapled.bytes);
});

test("a Windows Installer file is signed as such", async () => {
  const run = await signingRun();
  run.env["CODE_KEY"] = material(windows.leaf);
  run.signing = { windows: { key: KEY, timestamp: run.stamps.url } };
  const recipe = [fileStage(await smallMsi()), embeddedStage("zip", "authenticode")];
  const { result, manifest } = await run.run(recipe, "win32-x64");
  const { path } = only(result, "win32-x64", "signed-installer");
  const settings = { trusted: [parseCertificate(windows.root.der)], now: run.stampedAt };
  expect((await verifyMsi(path, settings)).problems).toEqual([]);
  expect(manifest.artifacts[0]).toMatchObject({
    signedBy: "Erth Test Publisher",
    signature: { timestamp: run.stampedAt.toISOString() },
  });
});

test("a Windows installer is signed with Authenticode", async () => {
  const run = await signingRun();
  run.env["CODE_KEY"] = material(windows.leaf);
  run.signing = { windows: { key: KEY, timestamp: run.stamps.url } };
  const recipe = [fileStage(smallPe({ overlay: Buffer.alloc(5000, 7) })), embeddedStage("zip", "authenticode")];
  const { result, manifest } = await run.run(recipe, "win32-x64");
  const { path } = only(result, "win32-x64", "signed-installer");
  expect((await verifyPe({ file: path, trusted: [windows.root.der], now: run.stampedAt })).problems).toEqual([]);
  expect(manifest.artifacts[0]?.signedBy).toBe("Erth Test Publisher");
});

test("a package without an Installer key stays unsigned, and cannot be notarized", async () => {
  const run = await macRun();
  const { installerKey: _, ...settings } = run.signing.apple!;
  run.signing = { apple: { ...settings, notarize: undefined } };
  const recipe = [
    fileStage(smallXar({ Payload: Buffer.alloc(9) })),
    embeddedStage("zip", "pkg"),
    ...notarizeStages("zip", "pkg"),
  ];
  const { manifest } = await run.run(recipe, "darwin-x64");
  expect(manifest.artifacts[0]?.signedBy).toBeNull();
  expect(run.events.find(({ type }) => type === "stage-skipped")).toMatchObject({
    reason: expect.stringMatching(/Installer/),
  });
  run.signing = { apple: { ...settings, notarize: NOTARIZE } };
  const failure: unknown = await run.run(recipe, "darwin-x64").catch((error: unknown) => error);
  expect((failure as ProblemsError).problems.map(({ code }) => code)).toEqual(["NOTARY_UNSIGNED"]);
});

const isWithoutTools = gpg === undefined || minisign === undefined;
test.skipIf(isWithoutTools)("on Linux signatures lie beside the file, and gpg and minisign take them", async () => {
  const run = await signingRun();
  const key = generateMinisignKey();
  run.env["MINISIGN"] = (await encodeMinisignSecretKey(key, "minisign")).reveal();
  run.env["OPENPGP"] = await openPgpKeyText();
  run.signing = { linux: { openpgp: { env: "OPENPGP" }, minisign: { env: "MINISIGN" } } };
  const source = join(run.folder, "Source");
  await mkdir(source);
  await writeFile(join(source, "start"), "#!/bin/sh\n", { mode: 0o755 });
  const launch = { executable: "start", args: [], cwd: "", env: {} };
  const recipe = [
    iconsStageOf(),
    appStageOf(source, { bundleName: "notes", launch }),
    ...lane("single-file").slice(0, 2),
  ];
  const { result, manifest } = await run.run(recipe, "linux-x64");
  const file = manifest.artifacts[0]?.path ?? "";
  expect(manifest.companions.map(({ path, role, signedBy }) => [path, role, signedBy?.split(" ")[0]])).toEqual([
    [`${file}.asc`, "openpgp", "OpenPGP"],
    [`${file}.minisig`, "minisign", "minisign"],
  ]);
  const made = (result.get("linux-x64") ?? []).filter(({ kind }) => kind === "companion").map(({ path }) => path);
  const [asc = "", minisig = ""] = made;
  const { path } = only(result, "linux-x64", "installer");
  const publicKey = join(run.folder, "minisign.pub");
  await writeFile(publicKey, encodeMinisignPublicKey(key.publicKey, "minisign"));
  execFileSync(minisign ?? "", ["-V", "-q", "-m", path, "-x", minisig, "-p", publicKey]);
  const env = { ...process.env, GNUPGHOME: join(run.folder, "gnupg") };
  await mkdir(env.GNUPGHOME, { mode: 0o700 });
  const { armoredPublicKey } = await readOpenPgpKey(new Secret(run.env["OPENPGP"]), undefined, new Date());
  const quiet = ["--batch", "--quiet"];
  execFileSync(gpg ?? "", [...quiet, "--import"], {
    env,
    input: armoredPublicKey,
    stdio: ["pipe", "ignore", "ignore"],
  });
  execFileSync(gpg ?? "", [...quiet, "--verify", asc, path], { env, stdio: "ignore" });
  // The same file and keys: nothing is signed again, and the signatures are the same.
  const again = await run.run(recipe, "linux-x64");
  expect(again.manifest).toEqual(manifest);
});

test("an OpenPGP key with a wrong passphrase, and a damaged minisign key, stop the run before it begins", async () => {
  const run = await signingRun();
  run.env["MINISIGN"] = "untrusted comment: minisign secret key\nAAAA\n";
  run.env["OPENPGP"] = "not a key";
  run.signing = { linux: { openpgp: { env: "OPENPGP" }, minisign: { env: "MINISIGN" } } };
  const failure: unknown = await run.run(lane("single-file").slice(0, 2), "linux-x64").catch((error: unknown) => error);
  expect((failure as ProblemsError).problems.map(({ code }) => code).sort()).toEqual([
    "KEY_DAMAGED",
    "MINISIGN_DAMAGED",
  ]);
});
