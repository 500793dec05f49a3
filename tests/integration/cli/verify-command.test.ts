import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { appendFile, copyFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Manifest,
  type ManifestFile,
  renderManifest,
  renderSha256Sums,
} from "../../../build/artifacts/manifest.ts";
import { verify } from "../../../build/cli/commands/verify.ts";
import { parseFlags } from "../../../build/cli/flags.ts";
import type { CliEvent } from "../../../build/cli/report/reporter.ts";
import { systemKeyWorld } from "../../../build/keys/key-world.ts";
import { ErthError, type Problem, ProblemsError } from "../../../runtime/base/errors.ts";
import { appleAuthority, timestampIdentity, windowsAuthority } from "../../fakes/certificate-authority.ts";
import { SIGNED_FILES, writeSignedFiles } from "../../support/signed-files.ts";
import { smallPe } from "../../unit/signing/windows/small-pe.ts";

const MAIN = join(import.meta.dirname, "../../../build/cli/main.ts");
const folder = mkdtempSync(join(tmpdir(), "erth-verify-command-"));
const TRUST = ["--trust", "root.pem", "--trust", "windows.pem", "--trust", "time.pem"];

beforeAll(async () => {
  await writeSignedFiles(folder);
  await writeFile(join(folder, "root.pem"), appleAuthority().root.certificatePem);
  await writeFile(join(folder, "windows.pem"), windowsAuthority().root.certificatePem);
  await writeFile(join(folder, "time.pem"), timestampIdentity().chainPem);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number;
  /** What was shown, as `--json` has it. */
  readonly events: readonly CliEvent[];
  /** Texts of results. */
  readonly text: string;
  /** `CODE message` of each problem. */
  readonly problems: string;
}

/** Runs the command with these arguments in the folder, without the start of a process. */
async function run(...args: readonly string[]): Promise<Ended> {
  const events: CliEvent[] = [];
  const report = (event: CliEvent): void => void events.push(event);
  const { flags, extra } = parseFlags(["verify", ...args], folder);
  const { signal } = new AbortController();
  const keyWorld = systemKeyWorld({}, signal);
  const ctx = { flags, args: extra, cwd: folder, env: {}, signal, listener: report, keyWorld, report };
  let status: number;
  const faults: Problem[] = [];
  try {
    status = await verify.run(ctx);
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    faults.push(...(error instanceof ProblemsError ? error.problems : [error]));
    status = -1;
  }
  const problems = [...events.filter((event) => event.type === "problem"), ...faults];
  return {
    status,
    events,
    text: events.map((event) => (event.type === "result" ? event.text : "")).join(""),
    problems: problems.map(({ code, message }) => `${code} ${message}`).join("\n"),
  };
}

test("files that hold end with 0, and it is said who signed them", async () => {
  const { status, text, problems, events } = await run(...TRUST, SIGNED_FILES.zip, SIGNED_FILES.pe, SIGNED_FILES.dmg);
  expect([status, problems]).toEqual([0, ""]);
  expect(events.filter(({ type }) => type === "notice")).toEqual([]);
  expect(text).toMatch(/✓ Notes\.zip {2}zip/);
  expect(text).toMatch(
    /Tiny\.app {2}app\n +signed by Developer ID Application: Erth Test \(ERTH123456\), trusted\n +at 2026-06-01T12:00:00\.000Z, says Erth Test Time Authority/,
  );
  expect(text).toMatch(/notarization ticket: stapled/);
  expect(text).toMatch(/Notes\.exe {2}pe[^]*signed by Erth Test Publisher \(0\), trusted/);
});

test("files with problems end with 4, and all problems of all files are told", async () => {
  await writeFile(join(folder, "Unsigned.exe"), smallPe());
  const msi = await readFile(join(folder, SIGNED_FILES.msi));
  await writeFile(join(folder, "Appended.msi"), Buffer.concat([msi, Buffer.from("x")]));
  const { status, text, problems } = await run(...TRUST, "Unsigned.exe", "Appended.msi", SIGNED_FILES.pe);
  expect(status).toBe(4);
  expect(text).toMatch(/✗ Unsigned\.exe[^]*✗ Appended\.msi[^]*✓ Notes\.exe/);
  expect(problems).toMatch(/^PE_UNSIGNED Unsigned\.exe: .*\nMSI_HIDDEN Appended\.msi: 1 bytes follow the last stream/);
});

test("a result holds everything that was found, and Windows' chains are not judged without a root", async () => {
  const { status, events, problems } = await run(SIGNED_FILES.app, SIGNED_FILES.pe);
  expect(status).toBe(4);
  expect(problems).toContain("CMS_UNTRUSTED");
  expect(
    JSON.parse(JSON.stringify(events.flatMap((event) => (event.type === "result" ? [event.value] : [])))),
  ).toMatchObject([
    {
      kind: "app",
      ticket: "stapled",
      signatures: [{ signer: expect.stringContaining("Developer ID"), isTrusted: false }],
    },
    { kind: "pe", problems: [], signatures: [{ scheme: "Authenticode", signer: "Erth Test Publisher" }] },
  ]);
  expect(events.find(({ type }) => type === "notice")).toMatchObject({ text: expect.stringContaining("--trust") });
});

test("--explain prints the decoded dump", async () => {
  const { status, text } = await run("--explain", ...TRUST, SIGNED_FILES["mach-o"], SIGNED_FILES.msi);
  expect(status).toBe(0);
  expect(text).toMatch(
    /^program\nprogram\n {2}arm64 program, SDK 15\.5\n[^]*CodeDirectory v0x20500[^]*Notes\.msi\nWindows Installer installer/,
  );
});

test("bad usage is told at once: files and trust that are not there, and trust that is none", async () => {
  expect((await run("nothing.dmg", SIGNED_FILES.pe, "nowhere.zip")).problems).toMatch(
    /USAGE_FILE .*nothing\.dmg does not exist\.\nUSAGE_FILE .*nowhere\.zip does not exist/,
  );
  expect((await run("--trust", "nothing.pem", "--trust", "Notes.exe", "Notes.exe")).problems).toMatch(
    /^USAGE_TRUST --trust nothing\.pem cannot be read \(ENOENT\)\.\nUSAGE_TRUST Notes\.exe holds neither/,
  );
});

test("the process ends with that code, under --json with an event a line", () => {
  const args = [MAIN, "verify", "--json", "Unsigned.exe"];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as CliEvent);
  expect([status, ...events.map(({ type }) => type)]).toEqual([4, "result", "problem", "finished"]);
  expect(events.at(-1)).toMatchObject({ command: "verify", exitCode: 4 });
});

/** A release in `dist` of these files; `signedBy` null for one that nobody meant to sign. */
async function release(files: Readonly<Record<string, Pick<ManifestFile, "signedBy" | "signature">>>): Promise<string> {
  const out = join(folder, "dist");
  await rm(out, { recursive: true, force: true });
  await mkdir(join(out, "1.4.0"), { recursive: true });
  // An older release beside it is none of our business.
  await mkdir(join(out, "1.3.9"));
  const artifacts: ManifestFile[] = [];
  for (const [name, signer] of Object.entries(files)) {
    const path = join(out, "1.4.0", name);
    await copyFile(join(folder, name), path);
    artifacts.push({
      kind: "installer",
      target: "win32-x64",
      path: name,
      bytes: (await stat(path)).size,
      sha256: createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
      format: "zip",
      shell: "webview",
      sidecar: "pkg",
      ...signer,
      app: "a".repeat(64),
      proven: [],
      unproven: [],
      from: [],
      compressedBytes: {
        "shell runtime": 1,
        "sidecar runtime": 0,
        natives: 0,
        "app code": 0,
        database: 0,
        container: 0,
      },
      diskBytes: { "shell runtime": 1, "sidecar runtime": 0, natives: 0, "app code": 0, database: 0, container: 0 },
    });
  }
  const app = { name: "Notes", slug: "notes", identifier: "dev.erth.notes", version: "1.4.0" };
  const manifest: Manifest = { schema: 1, ...app, artifacts, packages: {}, companions: [] };
  await writeFile(join(out, "1.4.0", "manifest.json"), renderManifest(manifest));
  await writeFile(join(out, "1.4.0", "SHA256SUMS"), renderSha256Sums(manifest));
  return join(out, "1.4.0");
}

const PUBLISHER = { by: "Erth Test Publisher", fingerprint: "0".repeat(64), timestamp: null };

test("without files, those of the last release: digests, sizes, sums and signers as the manifest says", async () => {
  await writeFile(join(folder, "nobody.exe"), smallPe());
  const files = {
    [SIGNED_FILES.pe]: { signedBy: PUBLISHER.by, signature: PUBLISHER },
    [SIGNED_FILES.msi]: { signedBy: PUBLISHER.by, signature: PUBLISHER },
    "nobody.exe": { signedBy: null },
  };
  await release(files);
  const good = await run(...TRUST);
  expect([good.status, good.problems]).toEqual([0, ""]);
  expect(good.text).toMatch(/✓ Notes\.exe[^]*✓ Notes\.msi[^]*✓ nobody\.exe/);

  const place = await release({ ...files, "nobody.exe": { signedBy: PUBLISHER.by, signature: PUBLISHER } });
  await appendFile(join(place, "nobody.exe"), "x");
  await rm(join(place, SIGNED_FILES.msi));
  const sums = await readFile(join(place, "SHA256SUMS"), "utf8");
  await writeFile(join(place, "SHA256SUMS"), `${sums}${"0".repeat(64)}  stranger.zip\n`);
  const { status, problems } = await run(...TRUST);
  expect(status).toBe(4);
  for (const expected of [
    /VERIFY_SIZE nobody\.exe has 2561 bytes, manifest\.json says 2560/,
    /VERIFY_DIGEST nobody\.exe has SHA-256 .*SHA256SUMS says/,
    /VERIFY_MISSING Notes\.msi is in manifest\.json, and not in/,
    /VERIFY_SUMS SHA256SUMS has stranger\.zip, and manifest\.json not/,
    /PE_UNSIGNED nobody\.exe/,
    /VERIFY_SIGNER nobody\.exe: manifest\.json says that Erth Test Publisher signed it/,
  ])
    expect(problems).toMatch(expected);

  await rm(join(place, "SHA256SUMS"));
  expect((await run(...TRUST)).problems).toMatch(/VERIFY_SUMS SHA256SUMS is missing/);
  expect((await run("--out", "nowhere")).problems).toMatch(/MANIFEST_MISSING there is no release in .*nowhere/);
});
