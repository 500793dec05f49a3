import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { renderPlist } from "../../../../build/formats/plist.ts";
import { ProblemsError } from "../../../../runtime/base/errors.ts";
import { readBundleTree } from "../../../../signing/apple/bundle-tree.ts";
import { parseCodeResources } from "../../../../signing/apple/code-resources.ts";
import { RUNTIME_ENTITLEMENTS } from "../../../../signing/apple/entitlements.ts";
import { signApp } from "../../../../signing/apple/sign-app.ts";
import { inspectApp, verifyApp } from "../../../../signing/apple/verify-app.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { signingBench, trustedRoots } from "./signing.ts";
import { writeTinyApp } from "./tiny-app.ts";
import { tinyMachO } from "./tiny-mach-o.ts";

const SEAL = "Contents/_CodeSignature/CodeResources";
/** Every path with its kind and digest, times left out. */
async function contentOf(app: string): Promise<readonly string[]> {
  const entries = await readBundleTree(app);
  return entries.map((entry) => {
    if (entry.kind !== "file") return JSON.stringify(entry);
    return `${entry.path} ${entry.mode.toString(8)} ${createHash("sha256")
      .update(readFileSync(join(app, entry.path)))
      .digest("hex")}`;
  });
}

async function signedApp() {
  const folder = await scratchFolder();
  const app = writeTinyApp(join(folder, "Tiny.app"));
  const output = join(folder, "Signed.app");
  const code = await signApp({ app, output });
  return { folder, app, output, code };
}

test("all code is signed wherever it lies, the main executable last, and the app verifies", async () => {
  const { folder, app, output, code } = await signedApp();
  expect(code.map(({ path, identifier }) => `${path} ${identifier}`)).toEqual([
    "Contents/MacOS/bun dev.erth.tiny.bun",
    "Contents/MacOS/libtiny.dylib dev.erth.tiny.libtiny",
    "Contents/Resources/app/addon.node dev.erth.tiny.addon",
    "Contents/Frameworks/Thing.framework/Versions/A/Thing dev.erth.thing",
    "Contents/XPCServices/Service.xpc/Contents/MacOS/Service dev.erth.service",
    "Contents/MacOS/tiny dev.erth.tiny",
  ]);
  expect(await verifyApp({ app: output })).toEqual([]);
  expect(existsSync(join(app, SEAL))).toBe(false);
  expect(readdirSync(folder).sort()).toEqual(["Signed.app", "Tiny.app"]);
});

test("the seal knows every file by what it is", async () => {
  const { output } = await signedApp();
  const { files2 } = parseCodeResources(readFileSync(join(output, SEAL)));
  const kinds = Array.from(files2, ([path, seal]) => `${path} ${seal.link ?? (seal.cdHash ? "code" : "file")}`);
  expect(kinds).toEqual([
    "Frameworks/Thing.framework code",
    "MacOS/bun code",
    "MacOS/libtiny.dylib code",
    "Resources/Base.lproj/Main.nib file",
    "Resources/app/Program.class file",
    "Resources/app/addon.node file",
    "Resources/app/object.o file",
    "Resources/en.lproj/Main.strings file",
    "Resources/link.txt app/Program.class",
    "Resources/ä & <b>.txt file",
    "XPCServices/Service.xpc code",
    "version.plist file",
  ]);
});

test("a Developer ID app has everything that a notary asks for", async () => {
  const bench = await signingBench();
  const app = writeTinyApp(join(bench.folder, "Tiny.app"));
  await signApp({ app, ...bench.developerId });
  expect(await verifyApp({ app, policy: "notarizable", trustedRoots })).toEqual([]);
  const { code } = await inspectApp({ app, trustedRoots });
  const given = Array.from(code, ([path, { slices }]) => [path, slices[0]?.entitlements] as const);
  expect(given.filter(([, own]) => own !== undefined)).toEqual([["Contents/MacOS/bun", RUNTIME_ENTITLEMENTS.bun]]);
});

test("programs built on Bun or Node get what their runtime needs, unless the caller says", async () => {
  const folder = await scratchFolder();
  const changes = { "Contents/MacOS/sidecar": tinyMachO({ segments: ["NODE_SEA"] }) };
  const app = writeTinyApp(join(folder, "Tiny.app"), changes);
  const given = async (): Promise<Readonly<Record<string, unknown>>> => {
    const { code } = await inspectApp({ app });
    return Object.fromEntries(Array.from(code, ([path, { slices }]) => [path, slices[0]?.entitlements]));
  };
  await signApp({ app });
  expect(await given()).toMatchObject({
    "Contents/MacOS/bun": RUNTIME_ENTITLEMENTS.bun,
    "Contents/MacOS/sidecar": RUNTIME_ENTITLEMENTS.node,
    "Contents/MacOS/tiny": undefined,
  });
  await signApp({ app, entitlements: () => undefined });
  expect(Object.values(await given()).every((one) => one === undefined)).toBe(true);
});

test("signing again, elsewhere or in place, gives the same bytes; old seals and tickets go", async () => {
  const { folder, app, output } = await signedApp();
  const first = await contentOf(output);
  writeFileSync(join(output, "Contents/CodeResources"), "s8ch: a ticket of an older signature");
  writeFileSync(join(output, "Contents/_CodeSignature/CodeDirectory"), "left over");
  await signApp({ app: output });
  expect(await contentOf(output)).toEqual(first);
  await signApp({ app });
  expect(await contentOf(app)).toEqual(first);
  expect(readdirSync(folder).sort()).toEqual(["Signed.app", "Tiny.app"]);
});

test("permissions stay, of folders that cannot be written to as well", async () => {
  const folder = await scratchFolder();
  const app = writeTinyApp(join(folder, "Tiny.app"));
  chmodSync(join(app, "Contents/Resources/app/addon.node"), 0o755);
  chmodSync(join(app, "Contents/Resources/app"), 0o555);
  const output = join(folder, "Signed.app");
  await signApp({ app, output });
  expect(statSync(join(output, "Contents/Resources/app")).mode & 0o777).toBe(0o555);
  expect(statSync(join(output, "Contents/Resources/app/addon.node")).mode & 0o777).toBe(0o755);
  for (const one of [app, output]) chmodSync(join(one, "Contents/Resources/app"), 0o755);
});

test("everything that cannot be sealed is told at once, and nothing is written", async () => {
  const folder = await scratchFolder();
  writeFileSync(join(folder, "secret"), "outside");
  const app = writeTinyApp(
    join(folder, "Tiny.app"),
    {
      "Contents/MacOS/run.sh": "#!/bin/sh",
      "Contents/loose.txt": "x",
      "README.txt": "x",
      "Contents/MacOS/data.d/x": "x",
    },
    {
      "Contents/Resources/out": "../../../secret",
      "Contents/Resources/absolute": "/etc/passwd",
      "Contents/Resources/nowhere": "missing",
      "Contents/Resources/up": "../Resources/app",
      // Stays inside by its text alone: `up` is itself a link.
      "Contents/Resources/chain": "up/../../MacOS/tiny",
    },
  );
  const error = await signApp({ app, output: join(folder, "Signed.app") }).catch((thrown: unknown) => thrown);
  if (!(error instanceof ProblemsError)) throw error;
  expect(error.problems.map(({ code, message }) => `${code} ${message.slice(0, 60)}`)).toMatchInlineSnapshot(`
    [
      "BUNDLE_LINK The link Contents/Resources/absolute leads out of the bundle",
      "BUNDLE_LINK The link Contents/Resources/nowhere leads nowhere: missing.",
      "BUNDLE_LINK The link Contents/Resources/out leads out of the bundle: ../",
      "BUNDLE_UNSEALED README.txt lies beside Contents, where no seal covers it.",
      "BUNDLE_LOOSE_FILE Contents/MacOS/data.d lies where only signed code may, and i",
      "BUNDLE_LOOSE_FILE Contents/MacOS/run.sh lies where only signed code may, and i",
      "BUNDLE_LOOSE_FILE Contents/loose.txt lies where only signed code may, and is n",
    ]
  `);
  expect(readdirSync(folder).sort()).toEqual(["Tiny.app", "secret"]);
});

test("a chain of links that leaves the app is refused although each link's text stays inside", async () => {
  const folder = await scratchFolder();
  writeFileSync(join(folder, "secret"), "outside");
  const app = writeTinyApp(join(folder, "Tiny.app"));
  // By its name `x` is one folder deep in `Resources`; where it leads is two folders up.
  symlinkSync("../..", join(app, "Contents/Resources/x"));
  symlinkSync("x/../secret", join(app, "Contents/Resources/y"));
  const error = await signApp({ app, output: join(folder, "Signed.app") }).catch((thrown: unknown) => thrown);
  if (!(error instanceof ProblemsError)) throw error;
  expect(error.problems.map(({ code }) => code)).toEqual(["BUNDLE_LINK"]);
  expect(error.message).toContain("Contents/Resources/y");
});

test.each([
  ["without an Info.plist", { "Contents/Info.plist": undefined }, "BUNDLE_INVALID"],
  ["whose executable is missing", { "Contents/MacOS/tiny": undefined }, "BUNDLE_INVALID"],
  ["whose executable is a script", { "Contents/MacOS/tiny": "#!/bin/sh" }, "BUNDLE_INVALID"],
  [
    "whose executable lies elsewhere",
    { "Contents/Info.plist": renderPlist({ CFBundleIdentifier: "a", CFBundleExecutable: "../x" }) },
    "BUNDLE_INVALID",
  ],
  ["without an identifier", { "Contents/Info.plist": renderPlist({ CFBundleExecutable: "tiny" }) }, "BUNDLE_INVALID"],
  ["with a damaged Info.plist", { "Contents/Info.plist": "<plist" }, "PLIST_INVALID"],
  [
    "with code that cannot be signed",
    { "Contents/Resources/x": tinyMachO({ trailing: Buffer.alloc(1) }) },
    "MACHO_TRAILING_DATA",
  ],
])("an app %s is refused, and nothing is written", async (_, changes, code) => {
  const folder = await scratchFolder();
  const app = writeTinyApp(join(folder, "Tiny.app"), changes);
  await expect(signApp({ app, output: join(folder, "Signed.app") })).rejects.toMatchObject({ code });
  expect(readdirSync(folder)).toEqual(["Tiny.app"]);
});

test("an app that changes while it is signed is noticed, and what was there stays", async () => {
  const bench = await signingBench();
  const app = writeTinyApp(join(bench.folder, "Tiny.app"));
  const changes: readonly (() => void)[] = [
    () => writeFileSync(join(app, "Contents/Resources/en.lproj/Main.strings"), "changed"),
    () => writeFileSync(join(app, "Contents/Resources/new.txt"), "new"),
    () => rmSync(join(app, "Contents/Resources/new.txt")),
    () => renameSync(join(app, "Contents/version.plist"), join(app, "Contents/Resources/moved.plist")),
  ];
  for (const change of changes) {
    const { signer } = bench.developerId;
    if (signer === undefined) throw new Error("no signer");
    let isDone = false;
    const meddling = {
      ...signer,
      signDigest: (request: Parameters<typeof signer.signDigest>[0]) => {
        if (!isDone) change();
        isDone = true;
        return signer.signDigest(request);
      },
    };
    await expect(signApp({ app, ...bench.developerId, signer: meddling })).rejects.toMatchObject({
      code: "BUNDLE_CHANGED",
    });
  }
  expect(existsSync(join(app, SEAL))).toBe(false);
  expect(readdirSync(bench.folder)).toEqual(["Tiny.app"]);
});

test("an output that is there already is not touched", async () => {
  const folder = await scratchFolder();
  const app = writeTinyApp(join(folder, "Tiny.app"));
  mkdirSync(join(folder, "Signed.app"));
  await expect(signApp({ app, output: join(folder, "Signed.app") })).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
});
