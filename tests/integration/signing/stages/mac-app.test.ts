import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lane as macLanes } from "./lanes.ts";
import { stapleApp, notarizeApp } from "../../../../build/stages/notarize-app.ts";
import { signMacApp } from "../../../../build/stages/sign-mac-app.ts";
import { renderPlist } from "../../../../build/formats/plist.ts";
import { ProblemsError } from "../../../../runtime/base/errors.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { inspectApp } from "../../../../signing/apple/verify-app.ts";
import { ALLOW_JIT } from "../../../../signing/apple/entitlements.ts";
import { TEAM_ID } from "../../../fakes/certificate-authority.ts";
import { findTool, runTool } from "../../../parity/signing/apple/apple-tools.ts";
import { writeTinyApp } from "../../../unit/signing/apple/tiny-app.ts";
import {
  appStageOf,
  apple,
  fileWith,
  iconsStageOf,
  KEY,
  material,
  NOTARIZE,
  only,
  signingRun,
  TICKET,
} from "./signing-run.ts";

const rcodesign = findTool("rcodesign");
const trustedRoots = [parseCertificate(apple.root.der).fingerprint];
const BY = `Developer ID Application: Erth Test (${TEAM_ID})`;

async function bench() {
  const run = await signingRun();
  run.env["CODE_KEY"] = material(apple.application);
  run.signing = { apple: { key: KEY, timestamp: run.stamps.url } };
  const source = writeTinyApp(join(run.folder, "Source.app"));
  const facts = { launch: { executable: "Contents/MacOS/tiny", args: [], cwd: "", env: {} } };
  return {
    ...run,
    bench: run,
    recipe: [iconsStageOf(), appStageOf(source, facts), signMacApp, notarizeApp, stapleApp, ...macLanes("zip")],
  };
}

test("with a key: every Mach-O by Developer ID, hardened, stamped; the manifest says so", async () => {
  const { bench: run, recipe } = await bench();
  const { result, manifest } = await run.run(recipe, "darwin-arm64");
  const app = only(result, "darwin-arm64", "signed-app");
  const { problems, code } = await inspectApp({ app: app.path, policy: "notarizable", trustedRoots });
  expect(problems).toEqual([]);
  expect([...code.keys()]).toContain("Contents/Resources/app/addon.node");
  const bun = code.get("Contents/MacOS/bun")?.slices[0];
  expect(bun?.entitlements?.[ALLOW_JIT]).toBe(true);
  expect(code.get("Contents/MacOS/tiny")?.slices[0]?.entitlements).toBeUndefined();
  const signature = {
    by: BY,
    fingerprint: parseCertificate(apple.application.der).fingerprint,
    timestamp: run.stampedAt.toISOString(),
  };
  expect(manifest.artifacts[0]).toMatchObject({ signedBy: BY, codeSignature: signature });
  expect(manifest.artifacts[0]).not.toHaveProperty("notarization");
  expect(
    run.events.filter(({ type }) => type === "stage-skipped").map((event) => "stage" in event && event.stage),
  ).toEqual(["notarize-app", "staple-app", "notarize-zip", "staple-zip"]);
});

test.skipIf(rcodesign === undefined)("rcodesign accepts every signature of such an app", async () => {
  const { bench: run, recipe } = await bench();
  const { result } = await run.run(recipe, "darwin-arm64");
  const { path } = only(result, "darwin-arm64", "signed-app");
  for (const file of ["tiny", "bun", "libtiny.dylib"]) {
    const { status, output } = runTool(rcodesign, ["verify", join(path, "Contents/MacOS", file)], run.folder);
    expect([file, status, output]).toEqual([file, 0, expect.stringContaining("no problems detected!")]);
  }
});

test("nothing changed: no key is used, no timestamp asked for; another certificate signs anew", async () => {
  const { bench: run, recipe } = await bench();
  const first = await run.run(recipe, "darwin-arm64");
  const preflight = 1;
  const asked = run.stamps.requests.length;
  const second = await run.run(recipe, "darwin-arm64");
  expect(second.manifest).toEqual(first.manifest);
  expect(run.stamps.requests.length).toBe(asked + preflight);
  run.env["CODE_KEY"] = material(apple.development);
  const third = await run.run(recipe, "darwin-arm64");
  expect(third.manifest.artifacts[0]?.signedBy).toMatch(/^Apple Development/);
});

test("entitlements for single programs are added to what their runtime needs", async () => {
  const { bench: run, recipe } = await bench();
  const list = join(run.folder, "bun.plist");
  await writeFile(list, renderPlist({ "com.apple.security.network.client": true }));
  run.signing = { apple: { ...run.signing.apple!, entitlements: { bun: list } } };
  const { result } = await run.run(recipe, "darwin-arm64");
  const { code } = await inspectApp({ app: only(result, "darwin-arm64", "signed-app").path });
  expect(code.get("Contents/MacOS/bun")?.slices[0]?.entitlements).toMatchObject({
    [ALLOW_JIT]: true,
    "com.apple.security.network.client": true,
  });
  run.signing = { apple: { ...run.signing.apple!, entitlements: { bnu: list } } };
  await expect(run.run(recipe, "darwin-arm64")).rejects.toThrow(
    /names "bnu", which the app does not have; .*MacOS\/bun/,
  );
  await writeFile(list, renderPlist({ "com.apple.security.get-task-allow": true }));
  run.signing = { apple: { ...run.signing.apple!, entitlements: { bun: list } } };
  await expect(run.run(recipe, "darwin-arm64")).rejects.toThrow(/get-task-allow/);
});

test("notarized: the app is submitted once, its ticket stapled, and the zip holds it", async () => {
  const { bench: run, recipe } = await bench();
  run.signing = { apple: { ...run.signing.apple!, notarize: NOTARIZE } };
  const { result, manifest } = await run.run(recipe, "darwin-arm64");
  const stapled = only(result, "darwin-arm64", "stapled-app");
  expect(await readFile(join(stapled.path, "Contents/CodeResources"))).toEqual(TICKET);
  const zip = only(result, "darwin-arm64", "installer");
  const names = execFileSync("unzip", ["-Z1", zip.path], { encoding: "utf8" });
  expect(names).toContain("Tiny.app/Contents/CodeResources\n");
  expect(run.notary.fake.notary.submissions.size).toBe(1);
  const [submission] = run.notary.fake.notary.submissions.keys();
  expect(manifest.artifacts[0]).toMatchObject({
    signedBy: BY,
    notarization: { state: "stapled", record: { id: submission, isUploaded: true } },
  });
  // Nothing is submitted a second time for the same bytes.
  await run.run(recipe, "darwin-arm64");
  expect(run.notary.fake.notary.submissions.size).toBe(1);
  expect(await fileWith(run.folder, run.secrets())).toBeUndefined();
  expect(JSON.stringify(run.events)).not.toMatch(
    new RegExp(
      run
        .secrets()
        .map((text) => text.replaceAll(/[^\w]/g, "."))
        .join("|"),
    ),
  );
});

test("a run that ends while waiting picks up its own submission", async () => {
  const { bench: run, recipe } = await bench();
  run.signing = { apple: { ...run.signing.apple!, notarize: { ...NOTARIZE, waitMinutes: 1 } } };
  const { notary } = run.notary.fake;
  notary.judge = () => "In Progress";
  run.change = { sleep: async (ms) => run.notary.advance(ms) };
  await expect(run.run(recipe, "darwin-arm64")).rejects.toThrow(expect.objectContaining({ code: "NOTARY_WAIT_LIMIT" }));
  notary.judge = () => "Accepted";
  await run.run(recipe, "darwin-arm64");
  expect(notary.submissions.size).toBe(1);
});

test("a rejection is told file by file, and the same bytes may be submitted again", async () => {
  const { bench: run, recipe } = await bench();
  run.signing = { apple: { ...run.signing.apple!, notarize: NOTARIZE } };
  const { notary } = run.notary.fake;
  notary.judge = () => "Invalid";
  notary.logOf = ({ id, name, sha256 }) => ({
    logFormatVersion: 1,
    jobId: id,
    status: "Invalid",
    statusSummary: "Archive contains critical validation errors",
    statusCode: 4000,
    archiveFilename: name,
    sha256,
    issues: [
      {
        severity: "error",
        path: `${name}/Tiny.app/Contents/MacOS/bun`,
        message: "The executable does not have the hardened runtime enabled.",
        architecture: "arm64",
      },
    ],
  });
  const failure: unknown = await run.run(recipe, "darwin-arm64").catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ProblemsError);
  expect((failure as ProblemsError).problems[0]?.message).toMatch(/Contents\/MacOS\/bun/);
  notary.judge = () => "Accepted";
  await run.run(recipe, "darwin-arm64");
  expect(notary.submissions.size).toBe(2);
});

test("submit: the zip is submitted, the release goes on, and the manifest keeps the submission", async () => {
  const { bench: run, recipe } = await bench();
  run.signing = { apple: { ...run.signing.apple!, notarize: { ...NOTARIZE, mode: "submit" } } };
  run.notary.fake.notary.judge = () => "In Progress";
  const { result, manifest } = await run.run(recipe, "darwin-arm64");
  expect(manifest.artifacts[0]?.notarization).toMatchObject({
    state: "submitted",
    record: { sha256: only(result, "darwin-arm64", "installer").sha256, isUploaded: true },
  });
});

test.each([
  ["an expired certificate", () => material(apple.expired), /CERTIFICATE_EXPIRED/],
  ["a wrong kind", () => material(apple.installer), /CERTIFICATE_KIND/],
])("%s stops the run before anything is built", async (_name, key, code) => {
  const { bench: run, recipe } = await bench();
  run.env["CODE_KEY"] = key();
  const failure: unknown = await run.run(recipe, "darwin-arm64").catch((error: unknown) => error);
  expect((failure as ProblemsError).problems.map((problem) => problem.code).join()).toMatch(code);
  expect(run.events).toEqual([]);
});

test("without a key: ad hoc, and the manifest says so", async () => {
  const { bench: run, recipe } = await bench();
  run.signing = {};
  const { manifest } = await run.run(recipe, "darwin-x64");
  expect(manifest.artifacts[0]).toMatchObject({
    signedBy: "ad-hoc",
    codeSignature: { by: "ad-hoc", fingerprint: null, timestamp: null },
  });
});
