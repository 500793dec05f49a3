import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { signApp } from "../../../../signing/apple/sign-app.ts";
import { signMachO } from "../../../../signing/apple/sign-mach-o.ts";
import { verifyApp } from "../../../../signing/apple/verify-app.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { writeTinyApp } from "./tiny-app.ts";

const SEAL = "Contents/_CodeSignature/CodeResources";

const pristine = mkdtempSync(join(tmpdir(), "erth-signed-"));
beforeAll(() => signApp({ app: writeTinyApp(join(pristine, "Tiny.app")) }));
afterAll(() => rmSync(pristine, { recursive: true, force: true }));

/** A copy of the signed app. */
async function signed(): Promise<string> {
  const app = join(await scratchFolder(), "Tiny.app");
  cpSync(join(pristine, "Tiny.app"), app, { recursive: true, verbatimSymlinks: true });
  return app;
}

test("an app that nobody touched holds", async () => {
  expect(await verifyApp({ app: await signed() })).toEqual([]);
});

/** Changes one byte in the first half of a file: the second half of small code is room in its signature. */
function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[Math.floor(bytes.length / 3)]! ^= 1;
  writeFileSync(path, bytes);
}

const replace = (path: string, from: string, to: string): void =>
  writeFileSync(path, readFileSync(path, "utf8").replace(from, to));

test.each<readonly [string, (app: string) => void, RegExp]>([
  [
    "a resource",
    (app) => flip(join(app, "Contents/Resources/en.lproj/Main.strings")),
    /en\.lproj\/Main\.strings differs from its hash/,
  ],
  ["a resource with an odd name", (app) => flip(join(app, "Contents/Resources/ä & <b>.txt")), /ä & <b>\.txt differs/],
  ["a new resource", (app) => writeFileSync(join(app, "Contents/Resources/new"), "x"), /Resources\/new is not sealed/],
  [
    "a missing resource",
    (app) => rmSync(join(app, "Contents/Resources/Base.lproj/Main.nib")),
    /Main\.nib is sealed, and missing/,
  ],
  [
    "a link that leads elsewhere",
    (app) => relink(app, "app/object.o"),
    /leads to app\/object\.o, not to app\/Program\.class/,
  ],
  ["a link that leads out", (app) => relink(app, "../../../x"), /BUNDLE_LINK/],
  ["nested code", (app) => flip(join(app, "Contents/MacOS/bun")), /CODESIGN_PAGE_HASH.*bun/],
  [
    "code among the resources",
    (app) => flip(join(app, "Contents/Resources/app/addon.node")),
    /CODESIGN_PAGE_HASH.*addon\.node/,
  ],
  [
    "code in a framework",
    (app) => flip(join(app, "Contents/Frameworks/Thing.framework/Versions/A/Thing")),
    /CODESIGN_PAGE_HASH.*Thing/,
  ],
  [
    "a framework's own resource",
    (app) => flip(join(app, "Contents/Frameworks/Thing.framework/Versions/A/Resources/Info.plist")),
    /Thing\.framework: Resources\/Info\.plist differs/,
  ],
  ["the main executable", (app) => flip(join(app, "Contents/MacOS/tiny")), /CODESIGN_PAGE_HASH.*tiny/],
  [
    "the Info.plist",
    (app) => replace(join(app, "Contents/Info.plist"), "<dict>", "<dict><key>x</key><true/>"),
    /Info\.plist differs from the hash/,
  ],
  ["the seal", (app) => appendFileSync(join(app, SEAL), "\n"), /CodeResources differs from the hash/],
  ["the seal's rules", (app) => replace(join(app, SEAL), "<real>2000</real>", "<real>1</real>"), /rules of its own/],
  ["no seal", (app) => rmSync(join(app, SEAL)), /no _CodeSignature\/CodeResources/],
  ["a seal that is no list", (app) => writeFileSync(join(app, SEAL), "x"), /PLIST_INVALID/],
  ["a file beside Contents", (app) => writeFileSync(join(app, "x"), "x"), /x lies beside Contents/],
  [
    "a script among the programs",
    (app) => writeFileSync(join(app, "Contents/MacOS/run.sh"), "x"),
    /MacOS\/run\.sh is not sealed/,
  ],
  [
    "code that begins like code and is damaged",
    (app) => writeFileSync(join(app, "Contents/Resources/x"), Buffer.from("cafebabe00000001", "hex")),
    /MACHO_MALFORMED.*Resources\/x/,
  ],
])("%s is reported", async (_, change, expected) => {
  const app = await signed();
  change(app);
  const problems = await verifyApp({ app });
  expect(problems.map(({ code, message }) => `${code} ${message}`).join("\n")).toMatch(expected);
});

function relink(app: string, target: string): void {
  const path = join(app, "Contents/Resources/link.txt");
  rmSync(path);
  symlinkSync(target, path);
}

test("nested code that was signed again by somebody else does not match its seal", async () => {
  const app = await signed();
  const path = join(app, "Contents/MacOS/libtiny.dylib");
  await signMachO({ input: path, output: path, identifier: "somebody.else" });
  const problems = await verifyApp({ app });
  expect(problems.map(({ code }) => code)).toEqual(["BUNDLE_SEAL", "BUNDLE_SEAL"]);
  expect(problems.map(({ message }) => message).join()).toMatch(
    /libtiny\.dylib has the cdhash .* sealed as .*designated requirement/,
  );
});

test("what old systems read is checked as well", async () => {
  const app = await signed();
  const text = readFileSync(join(app, SEAL), "utf8");
  const [sha1 = ""] = /[A-Za-z0-9+/]{27}=/.exec(text) ?? [];
  writeFileSync(join(app, SEAL), text.replace(sha1, Buffer.alloc(20).toString("base64")));
  const problems = await verifyApp({ app });
  expect(problems.map(({ message }) => message).join()).toMatch(/differs from its SHA-1/);
});

test("a localization may be taken away, and a cache of the Finder may come", async () => {
  const app = await signed();
  rmSync(join(app, "Contents/Resources/en.lproj"), { recursive: true });
  const problems = await verifyApp({ app });
  expect(problems).toEqual([]);
  writeFileSync(join(app, "Contents/Resources/app/.DS_Store"), "x");
  expect(await verifyApp({ app })).toEqual([]);
});

test("a folder that is no app is a list of problems, not a crash", async () => {
  const app = join(await scratchFolder(), "Empty.app");
  mkdirSync(app);
  expect((await verifyApp({ app })).map(({ code }) => code)).toEqual(["BUNDLE_INVALID"]);
});
