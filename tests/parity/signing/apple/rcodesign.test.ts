/**
 * `rcodesign` (crate apple-codesign) reads what we sign, and we read what it
 * signs. Allowed differences: it takes the empty CMS message that `codesign`
 * gives ad-hoc signatures for a damaged one, and puts each cdhash of a
 * requirement in parentheses.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parseCodeResources } from "../../../../signing/apple/code-resources.ts";
import { JIT_ENTITLEMENTS } from "../../../../signing/apple/entitlements.ts";
import { explainMachO } from "../../../../signing/apple/explain.ts";
import { signApp } from "../../../../signing/apple/sign-app.ts";
import { signMachO } from "../../../../signing/apple/sign-mach-o.ts";
import { verifyApp } from "../../../../signing/apple/verify-app.ts";
import { verifyMachO } from "../../../../signing/apple/verify-mach-o.ts";
import { authority, signingBench, trustedRoots } from "../../../unit/signing/apple/signing.ts";
import { writeTinyApp } from "../../../unit/signing/apple/tiny-app.ts";
import { tinyFat, tinyMachO } from "../../../unit/signing/apple/tiny-mach-o.ts";
import { findTool, runTool } from "./apple-tools.ts";

const tool = findTool("rcodesign");
const isMissing = tool === undefined;
const rcodesign = (...args: readonly string[]) => runTool(tool, args, tmpdir());

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "erth-rcodesign-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const FAT = tinyFat(tinyMachO({ architecture: "x86_64" }), tinyMachO());

test.skipIf(isMissing)("rcodesign finds no problem in our Developer ID signatures", async () => {
  const bench = await signingBench();
  const options = { ...bench.developerId, entitlements: JIT_ENTITLEMENTS };
  for (const bytes of [tinyMachO(), FAT, tinyMachO({ fileType: 6 })]) {
    const path = await bench.sign(bytes, options);
    const { status, output } = rcodesign("verify", path);
    expect([status, output]).toEqual([0, expect.stringContaining("no problems detected!")]);
    const info = rcodesign("print-signature-info", path);
    expect(info.output).toContain("signature_verifies: true");
    expect(info.output).not.toContain("signature_verifies: false");
  }
});

test.skipIf(isMissing)(
  "rcodesign finds in our ad-hoc signatures only the empty CMS message, and our page hashes are its own",
  async () => {
    const bench = await signingBench();
    for (const bytes of [tinyMachO({ textBytes: 40_000 }), FAT]) {
      const path = await bench.sign(bytes);
      const lines = rcodesign("verify", path)
        .output.split("\n")
        .filter((line) => line !== "");
      const problems = lines.filter((line) => !/^\(|^Error: problems reported/.test(line));
      expect(
        problems.every((line) => /^(@\d+: )?CMS error: missing further values/.test(line)),
        problems.join("\n"),
      ).toBe(true);
    }
  },
);

test.skipIf(isMissing)("rcodesign computes the page hashes that we write", async () => {
  const bench = await signingBench();
  const path = await bench.sign(tinyMachO({ textBytes: 40_000 }));
  const { output } = rcodesign("compute-code-hashes", path);
  const computed = output.split("\n").filter((line) => /^[0-9a-f]{64}$/.test(line));
  expect(computed.length).toBeGreaterThan(5);
  const hexOfFile = readFileSync(path).toString("hex");
  expect(hexOfFile).toContain(computed.join(""));
});

test.skipIf(isMissing)("what rcodesign signs, ad hoc and with a key, holds for us", async () => {
  const root = folder();
  const [input, key] = [join(root, "input"), join(root, "key.pem")];
  writeFileSync(key, authority.application.keyPem + authority.application.chainPem);
  for (const [index, bytes] of [tinyMachO(), FAT].entries()) {
    writeFileSync(input, bytes);
    const [adHoc, signed] = [join(root, `ad-hoc-${index}`), join(root, `signed-${index}`)];
    expect(rcodesign("sign", input, adHoc).status).toBe(0);
    expect(await verifyMachO({ path: adHoc })).toEqual([]);
    const result = rcodesign(
      "sign",
      "--pem-file",
      key,
      "--timestamp-url",
      "none",
      "--code-signature-flags",
      "runtime",
      input,
      signed,
    );
    expect(result.output).not.toContain("Error");
    expect(await verifyMachO({ path: signed, trustedRoots })).toEqual([]);
  }
});

test.skipIf(isMissing)("an app's seal lists the same as rcodesign's, and either's app holds for us", async () => {
  const root = folder();
  // It takes the Java class file for a universal one and stops, and signs object files.
  const changes = { "Contents/Resources/app/Program.class": "text", "Contents/Resources/app/object.o": undefined };
  const [ours, theirs] = ["Ours.app", "Theirs.app"].map((name) => writeTinyApp(join(root, name), changes));
  if (ours === undefined || theirs === undefined) throw new Error("no apps");
  // It seals what the Finder leaves behind; `codesign` and we do not.
  rmSync(join(theirs, "Contents/Resources/.DS_Store"));
  await signApp({ app: ours });
  expect(rcodesign("sign", theirs).output).not.toContain("Error");
  expect(await verifyApp({ app: theirs })).toEqual([]);
  const [a, b] = [ours, theirs].map((app) =>
    parseCodeResources(readFileSync(join(app, "Contents/_CodeSignature/CodeResources"))),
  );
  expect(Array.from(a?.files.keys() ?? [])).toEqual(Array.from(b?.files.keys() ?? []));
  expect(Array.from(a?.files2.keys() ?? [])).toEqual(Array.from(b?.files2.keys() ?? []));
});

test.skipIf(isMissing)("its reading of our signature differs from ours in nothing", async () => {
  const bench = await signingBench();
  const path = join(bench.folder, "signed");
  await bench.sign(tinyMachO(), { ...bench.developerId, entitlements: JIT_ENTITLEMENTS });
  const { output } = rcodesign("print-signature-info", path);
  const explained = await explainMachO({ path, trustedRoots });
  const hashes = output.match(/(?<=\(\d\): )[0-9a-f]{64}/g) ?? [];
  expect(hashes.filter((hash) => !/^0+$/.test(hash)).length).toBe(3);
  for (const hash of hashes) expect(explained).toContain(/^0+$/.test(hash) ? "none" : hash);
  expect(output).toContain("identifier: dev.erth.tiny");
  // The two readings of two signatures by its own comparison: nothing but the code of another program differs.
  const again = join(bench.folder, "again");
  await signMachO({
    input: path,
    output: again,
    identifier: "dev.erth.tiny",
    entitlements: JIT_ENTITLEMENTS,
    ...bench.developerId,
  });
  expect(rcodesign("diff-signatures", path, again).output).not.toMatch(
    /^[-+] .*(CodeDirectory|code_directory|slot_digests)/m,
  );
});
