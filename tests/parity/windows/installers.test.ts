/** Setups and Windows Installer packages, opened and signed by tools that share no code with what wrote them. */
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sha256OfFile } from "../../../build/artifacts/digest.ts";
import { streamName } from "../../../build/formats/msi-database.ts";
import { scratchFolder } from "../../support/scratch.ts";
import { packageWindowsApp } from "../../support/windows-app.ts";
import { authority } from "../../unit/signing/windows/signing.ts";

const has = (program: string): boolean => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: "utf8", env: { ...process.env, LC_ALL: "C.UTF-8" }, stdio: "pipe" });

const hasGo = has("go");
const canSetup = hasGo && has("makensis") && has("7z");
const canMsi = hasGo && has("msiinfo") && has("msiextract") && has("7z");
const NAME = "Éclair 2.0 — β";

/** Signs and verifies by osslsigncode; the text of the verification. */
async function signedByOthers(path: string): Promise<string> {
  const folder = await scratchFolder();
  const at = (name: string): string => join(folder, name);
  await writeFile(at("root.pem"), authority.root.certificatePem);
  await writeFile(at("chain.pem"), authority.leaf.chainPem);
  await writeFile(at("key.pem"), authority.leaf.keyPem);
  const keys = ["-certs", at("chain.pem"), "-key", at("key.pem"), "-h", "sha256"];
  run("osslsigncode", "sign", ...keys, "-in", path, "-out", at("signed"));
  return run("osslsigncode", "verify", "-CAfile", at("root.pem"), at("signed"));
}

describe.skipIf(!canSetup)("a setup by makensis", () => {
  test("is the same file when it is built again, and 7-Zip finds it whole", async () => {
    const one = await packageWindowsApp({ format: "setup", name: NAME });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const two = await packageWindowsApp({ format: "setup", name: NAME });
    expect(await sha256OfFile(two.path)).toBe(await sha256OfFile(one.path));
    expect(run("7z", "t", one.path)).toContain("Everything is Ok");
    expect(await one.proof()).toEqual([]);
    const total = Object.values(one.installer.compressedBytes).reduce((sum, bytes) => sum + bytes, 0);
    expect(total).toBe((await readFile(one.path)).length);
  });

  test.each(["txt", "rtf"])("takes a licence (.%s) and Microsoft's bootstrapper, and every choice", async (ending) => {
    const folder = await scratchFolder();
    const [license, webview2Bootstrapper] = [join(folder, `licence.${ending}`), join(folder, "webview2.exe")];
    await writeFile(license, ending === "rtf" ? "{\\rtf1 Licence}" : "Nutzungsbedingungen für β\n");
    await writeFile(webview2Bootstrapper, "MZ by Microsoft");
    const { path } = await packageWindowsApp({
      format: "setup",
      setup: { scope: "machine", desktopShortcut: "always", runAfterInstall: false, license, webview2Bootstrapper },
    });
    expect(run("7z", "l", path)).toContain("$PLUGINSDIR/webview2.exe");
  });

  test.skipIf(!has("osslsigncode"))("takes a signature of osslsigncode's", async () => {
    const { path } = await packageWindowsApp({ format: "setup" });
    expect(await signedByOthers(path)).toContain("Signature verification: ok");
  });
});

describe.skipIf(!canMsi)("a Windows Installer package", () => {
  test("is the same file when it is built again; libmsi and 7-Zip find what is in it", async () => {
    const one = await packageWindowsApp({ format: "msi", name: NAME });
    const two = await packageWindowsApp({ format: "msi", name: NAME });
    expect(await sha256OfFile(two.path)).toBe(await sha256OfFile(one.path));
    expect(await one.proof()).toEqual([]);
    expect(run("7z", "t", one.path)).toContain("Everything is Ok");
    expect(run("msiinfo", "suminfo", one.path)).toContain(`Subject: ${NAME}`);
    expect(run("msiinfo", "streams", one.path).split("\n")).toEqual(
      expect.arrayContaining(["app.cab", "Icon.app.ico"]),
    );
    expect(run("msiinfo", "export", one.path, "Property")).toContain(`ProductName\t${NAME}\r\n`);
    expect(streamName("app.cab")).toHaveLength(4);
    const total = Object.values(one.installer.compressedBytes).reduce((sum, bytes) => sum + bytes, 0);
    expect(total).toBe((await readFile(one.path)).length);
  });

  test.skipIf(!has("cabextract"))("its cabinet is one that cabextract takes", async () => {
    const { path } = await packageWindowsApp({ format: "msi" });
    const folder = await scratchFolder();
    const cabinet = join(folder, "app.cab");
    await writeFile(cabinet, execFileSync("msiinfo", ["extract", path, "app.cab"], { maxBuffer: 1 << 26 }));
    expect(run("cabextract", "--test", cabinet)).toContain("All done, no errors.");
  });

  test.skipIf(!has("osslsigncode"))("takes a signature of osslsigncode's", async () => {
    const { path } = await packageWindowsApp({ format: "msi" });
    expect(await signedByOthers(path)).toContain("Signature verification: ok");
  });

  test("another version is another product of the same upgrade code", async () => {
    const property = (path: string, name: string): string =>
      new RegExp(`^${name}\t(.*?)\r?$`, "m").exec(run("msiinfo", "export", path, "Property"))?.[1] ?? "";
    const one = await packageWindowsApp({ format: "msi", version: "1.0.0" });
    const two = await packageWindowsApp({ format: "msi", version: "1.0.1" });
    expect(property(one.path, "UpgradeCode")).toBe(property(two.path, "UpgradeCode"));
    expect(property(one.path, "ProductCode")).not.toBe(property(two.path, "ProductCode"));
  });
});
