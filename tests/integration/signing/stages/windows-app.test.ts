import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeIco, ICO_SIZES } from "../../../../build/formats/ico.ts";
import { brandApp } from "../../../../build/stages/brand-app.ts";
import { readAppTree } from "../../../../build/stages/package/app-tree.ts";
import { signWindowsApp } from "../../../../build/stages/sign-windows-app.ts";
import type { ProblemsError } from "../../../../runtime/base/errors.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { signPe } from "../../../../signing/windows/sign-pe.ts";
import { verifyPe } from "../../../../signing/windows/verify-pe.ts";
import { hasOsslsigncode, run as runTool } from "../../../parity/signing/windows/tools.ts";
import { smallPe } from "../../../unit/signing/windows/small-pe.ts";
import { lane } from "./lanes.ts";
import { appStageOf, fileWith, iconsStageOf, KEY, material, only, signingRun, windows } from "./signing-run.ts";

const icon = encodeIco(
  ICO_SIZES.map((size) => ({ size, rgba: new Uint8Array(size * size * 4), png: Buffer.alloc(200, size & 0xff) })),
);
const BLOB = Buffer.from(Array.from({ length: 6000 }, (_, at) => (at * 31) & 0xff));
const [RUNTIME, APP, SEED] = ["sidecar runtime", "app code", "database"] as const;

async function bench() {
  const run = await signingRun();
  run.env["CODE_KEY"] = material(windows.leaf);
  run.signing = { windows: { key: KEY, timestamp: run.stamps.url, url: "https://example.com" } };
  const source = join(run.folder, "Source");
  await mkdir(join(source, "bin"), { recursive: true });
  const sidecar = smallPe({
    code: Buffer.alloc(9000, 0x90),
    resources: [{ type: 10, id: "NODE_SEA_BLOB", bytes: BLOB }],
  });
  const at = sidecar.indexOf(BLOB);
  const files = {
    "Notes.exe": smallPe(),
    "bin/bun.exe": smallPe({ code: Buffer.alloc(800, 1) }),
    "bin/libwebview.dll": smallPe({ isDll: true }),
    "bin/notes-sidecar.exe": sidecar,
    "launch.json": "MZ",
    "readme.txt": "no program",
  };
  for (const [path, content] of Object.entries(files)) await writeFile(join(source, path), content);
  const vendor = { input: join(source, "bin/bun.exe"), output: join(source, "bin/bun.exe") };
  await signPe({ ...vendor, signer: windows.extendedValidation.signer, timestampUrl: run.stamps.url, fetch });
  const recipe = [
    appStageOf(source, {
      bundleName: "Notes",
      launch: { executable: "Notes.exe", args: [], cwd: "", env: {} },
      parts: {
        "Notes.exe": "shell runtime",
        "bin/bun.exe": "shell runtime",
        "bin/libwebview.dll": "shell runtime",
        "bin/notes-sidecar.exe": [
          { part: RUNTIME, offset: 0, length: at },
          { part: APP, offset: at, length: 1000 },
          { part: SEED, offset: at + 1000, length: BLOB.length - 1000 },
          { part: RUNTIME, offset: at + BLOB.length, length: sidecar.length - at - BLOB.length },
        ],
        "launch.json": "app code",
        "readme.txt": "app code",
      },
    }),
    iconsStageOf(icon),
    brandApp,
    signWindowsApp,
    ...lane("zip").slice(0, 1),
  ];
  return { run, recipe, source };
}

test("our programs are branded and signed, the vendor's signature is kept, everything else is signed", async () => {
  const { run, recipe, source } = await bench();
  await writeFile(join(source, "launch.json"), "{}");
  const { result, manifest } = await run.run(recipe, "win32-x64");
  const { path } = only(result, "win32-x64", "signed-app");
  const trusted = [windows.root.der];
  const signer = async (file: string): Promise<string | undefined> => {
    const { problems, signatures } = await verifyPe({ file: join(path, file), trusted, now: run.stampedAt });
    expect([file, problems]).toEqual([file, []]);
    return `${signatures[0]?.signer}, ${signatures[0]?.description ?? "no name"}`;
  };
  expect(await signer("Notes.exe")).toBe("Erth Test Publisher, Sample App");
  expect(await signer("bin/notes-sidecar.exe")).toBe("Erth Test Publisher, Sample App");
  expect(await signer("bin/libwebview.dll")).toBe("Erth Test Publisher, Sample App");
  expect(await signer("bin/bun.exe")).toBe("Erth Test Publisher, no name");
  const bun = await readFile(join(path, "bin/bun.exe"));
  expect(bun.equals(await readFile(join(source, "bin/bun.exe")))).toBe(true);
  expect((await readFile(join(path, "Notes.exe"))).includes(Buffer.from("longPathAware"))).toBe(true);
  expect((await readFile(join(path, "bin/libwebview.dll"))).includes(Buffer.from("longPathAware"))).toBe(false);
  expect(manifest.artifacts[0]).toMatchObject({
    signedBy: "Erth Test Publisher",
    codeSignature: {
      fingerprint: parseCertificate(windows.leaf.der).fingerprint,
      timestamp: run.stampedAt.toISOString(),
    },
  });
  expect(await fileWith(run.folder, run.secrets())).toBeUndefined();
});

test("the sidecar's blob keeps its bytes, and its segments follow it", async () => {
  const { run, recipe } = await bench();
  const { result } = await run.run(recipe, "win32-x64");
  for (const kind of ["branded-app", "signed-app"] as const) {
    const app = only(result, "win32-x64", kind);
    // Throws where the segments leave out or repeat a byte.
    const { slices } = await readAppTree(app);
    const sidecar = await readFile(join(app.path, "bin/notes-sidecar.exe"));
    const seed = slices.find(({ path, part }) => path === "bin/notes-sidecar.exe" && part === SEED);
    expect(sidecar.subarray(seed?.offset, (seed?.offset ?? 0) + (seed?.length ?? 0))).toEqual(BLOB.subarray(1000));
  }
});

test('vendorCode: "sign" signs the vendor\'s programs as well', async () => {
  const { run, recipe } = await bench();
  run.signing = { windows: { ...run.signing.windows!, vendorCode: "sign" } };
  const { result } = await run.run(recipe, "win32-x64");
  const { path } = only(result, "win32-x64", "signed-app");
  const { signatures } = await verifyPe({ file: join(path, "bin/bun.exe"), now: run.stampedAt });
  expect(signatures[0]).toMatchObject({ description: "Sample App", url: "https://example.com" });
});

test.skipIf(!hasOsslsigncode)("osslsigncode accepts every program of such an app", async () => {
  const { run, recipe } = await bench();
  const { result } = await run.run(recipe, "win32-x64");
  const { path } = only(result, "win32-x64", "signed-app");
  const [root, time] = [join(run.folder, "root.pem"), join(run.folder, "time.pem")];
  await writeFile(root, windows.root.certificatePem);
  await writeFile(time, run.stamps.identity.chainPem);
  for (const file of ["Notes.exe", "bin/notes-sidecar.exe", "bin/libwebview.dll", "bin/bun.exe"]) {
    const { text, isDone } = await runTool("osslsigncode", [
      "verify",
      "-CAfile",
      root,
      "-TSA-CAfile",
      time,
      join(path, file),
    ]);
    expect([file, isDone], text).toEqual([file, true]);
    expect(text).not.toContain("MISMATCH");
  }
});

test("without a key the programs are branded and nobody has signed them", async () => {
  const { run, recipe } = await bench();
  run.signing = {};
  const { result, manifest } = await run.run(recipe, "win32-x64");
  const { path } = only(result, "win32-x64", "branded-app");
  expect((await verifyPe({ file: join(path, "Notes.exe") })).problems[0]?.code).toBe("PE_UNSIGNED");
  expect(manifest.artifacts[0]?.signedBy).toBeNull();
  expect(manifest.artifacts[0]).not.toHaveProperty("codeSignature");
});

test("a timestamp that cannot be had while signing ends the run, and no unstamped signature is left", async () => {
  const { run, recipe } = await bench();
  // The preflight's timestamp is granted; then the server refuses.
  const before = run.stamps.requests.length;
  const realFetch = globalThis.fetch;
  const fetcher = async (...request: Parameters<typeof fetch>) =>
    run.stamps.requests.length > before ? new Response("gone", { status: 404 }) : realFetch(...request);
  run.change = { fetch: Object.assign(fetcher, { preconnect: realFetch.preconnect }) };
  const failure: unknown = await run.run(recipe, "win32-x64").catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "TIMESTAMP_REFUSED" });
  expect(run.events.some((event) => event.type === "stage-started" && event.stage === "package-zip")).toBe(false);
  run.change = {};
  const { result } = await run.run(recipe, "win32-x64");
  const { path } = only(result, "win32-x64", "signed-app");
  expect((await verifyPe({ file: join(path, "Notes.exe"), now: run.stampedAt })).problems).toEqual([]);
});

test("a damaged certificate table is refused by name", async () => {
  const { run, recipe, source } = await bench();
  const bun = await readFile(join(source, "bin/bun.exe"));
  await writeFile(join(source, "bin/bun.exe"), Buffer.concat([bun, Buffer.alloc(16, 1)]));
  const failure: unknown = await run.run(recipe, "win32-x64").catch((error: unknown) => error);
  expect((failure as ProblemsError).message).toMatch(/^bun\.exe: .*bytes follow the certificate table/);
});
