import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { zsyncStage } from "../../../../build/stages/zsync.ts";
import { inspectAppImage } from "../../../../signing/linux/verify-appimage.ts";
import { openPgpKeyText } from "../../../unit/keys/openpgp-key.ts";
import { lane } from "./lanes.ts";
import { appStageOf, iconsStageOf, only, signingRun } from "./signing-run.ts";

const UPDATES = "zsync|https://example.com/sample-app.AppImage.zsync";

async function bench() {
  const run = await signingRun();
  run.env["OPENPGP_KEY"] = await openPgpKeyText();
  const source = join(run.folder, "source");
  await mkdir(join(source, "bin"), { recursive: true });
  await writeFile(join(source, "bin/start"), "#!/bin/sh\n");
  await chmod(join(source, "bin/start"), 0o755);
  const app = appStageOf(source, { launch: { executable: "bin/start", args: [], cwd: "", env: {} } });
  run.package = { formats: { linux: ["appimage"] }, appimage: { updateInformation: UPDATES } };
  return { run, recipe: [iconsStageOf(), app, ...lane("appimage"), zsyncStage] };
}

test("with an OpenPGP key: signed inside and beside, and the control file is that of the signed file", async () => {
  const { run, recipe } = await bench();
  run.signing = { linux: { openpgp: { env: "OPENPGP_KEY" } } };
  const { result, manifest } = await run.run(recipe, "linux-x64");
  const signed = only(result, "linux-x64", "signed-installer");
  const now = new Date(Date.now() + 60_000);
  const { problems, signatures } = await inspectAppImage(signed.path, { keys: [], now });
  expect([problems, signatures.map(({ holds }) => holds)]).toEqual([[], [true]]);
  const signedBy = `OpenPGP key ${signatures[0]?.keyId}`;
  expect(manifest.artifacts).toMatchObject([{ sha256: signed.sha256, signedBy }]);
  const companions = manifest.companions.map(({ path, role }) => `${path.replace(/^.*\.AppImage/, "")} ${role}`);
  expect(companions.sort()).toEqual([".asc openpgp", ".zsync zsync"]);
  const control = (result.get("linux-x64") ?? []).find(({ path }) => path.endsWith(".zsync"));
  const header = (await readFile(control!.path, "latin1")).split("\n\n")[0];
  expect(header).toContain(`Length: ${signed.bytes}\n`);
});

test("without a key it stays as it was packed, and still has its control file", async () => {
  const { run, recipe } = await bench();
  const { result, manifest } = await run.run(recipe, "linux-x64");
  const packed = only(result, "linux-x64", "installer");
  expect((await inspectAppImage(packed.path, { keys: [], now: new Date() })).signatures).toEqual([]);
  expect(manifest.artifacts).toMatchObject([{ sha256: packed.sha256, signedBy: null }]);
  expect(manifest.companions.map(({ role }) => role)).toEqual(["zsync"]);
});

test("without update information there is no control file", async () => {
  const { run, recipe } = await bench();
  run.package = { formats: { linux: ["appimage"] } };
  expect((await run.run(recipe, "linux-x64")).manifest.companions).toEqual([]);
});
