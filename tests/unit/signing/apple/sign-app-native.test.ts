import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { ErthError, type ProblemsError } from "../../../../runtime/base/errors.ts";
import { ALLOW_JIT, JIT_ENTITLEMENTS } from "../../../../signing/apple/entitlements.ts";
import { signAppNatively } from "../../../../signing/apple/sign-app-native.ts";
import { type MacHost, productsign } from "../../../../signing/keys/keychain.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { writeTinyApp } from "./tiny-app.ts";

const identity = { sha1: "A".repeat(40), name: "Developer ID Application: Example (ABCDE12345)" };

/** A Mac that notes what it is told to run; `fail` makes one file's signature go wrong. */
function fakeMac(fail?: string) {
  const calls: {
    readonly file: string;
    readonly args: readonly string[];
    readonly entitlements: string | undefined;
  }[] = [];
  const host: MacHost = {
    platform: "darwin",
    run: (file, args) => {
      const at = args.indexOf("--entitlements");
      calls.push({ file, args, entitlements: at < 0 ? undefined : readFileSync(args[at + 1] ?? "", "utf8") });
      if (fail !== undefined && args.at(-1)?.endsWith(fail)) {
        return Promise.reject(
          new ErthError({ code: "EXEC_FAILED", message: "codesign ended with 1", remedy: "read it" }),
        );
      }
      return Promise.resolve({ stdout: "", stderr: "" });
    },
  };
  return { calls, host };
}

async function signed(fail?: string) {
  const folder = await scratchFolder();
  const app = writeTinyApp(join(folder, "Tiny.app"));
  const output = join(folder, "Signed.app");
  const { calls, host } = fakeMac(fail);
  const entitlements = (path: string) => (path === "Contents/MacOS/bun" ? JIT_ENTITLEMENTS : undefined);
  const result = signAppNatively({ app, output, identity, hardenedRuntime: true, entitlements, host });
  return { folder, output, calls, result };
}

test("codesign is called once for each piece of code, inside out, the app last", async () => {
  const { calls, result, output } = await signed();
  expect(await result).toBe(6);
  // Each path as codesign saw it, from the copy that is signed.
  const root = calls.at(-1)?.args.at(-1) ?? "";
  const paths = calls.map(({ args }) => relative(root, args.at(-1) ?? ""));
  expect(paths.at(-1)).toBe("");
  expect([...paths].sort()).toEqual([
    "",
    "Contents/Frameworks/Thing.framework/Versions/A",
    "Contents/MacOS/bun",
    "Contents/MacOS/libtiny.dylib",
    "Contents/Resources/app/addon.node",
    "Contents/XPCServices/Service.xpc",
  ]);
  for (const { file, args } of calls) {
    expect(file).toBe("codesign");
    expect(args).toEqual(
      expect.arrayContaining(["--force", "--timestamp", "--options", "runtime", "--sign", identity.sha1]),
    );
  }
  const withEntitlements = calls.filter(({ entitlements }) => entitlements !== undefined);
  expect(withEntitlements.map(({ args }) => relative(root, args.at(-1) ?? ""))).toEqual(["Contents/MacOS/bun"]);
  expect(withEntitlements[0]?.entitlements).toContain(ALLOW_JIT);
  expect(existsSync(join(output, "Contents/MacOS/tiny"))).toBe(true);
});

test("a signature that goes wrong leaves nothing behind", async () => {
  const { result, folder } = await signed("bun");
  await expect(result).rejects.toMatchObject({ code: "EXEC_FAILED" });
  expect(await readdir(folder)).toEqual(["Tiny.app"]);
});

test("an app that cannot be sealed is refused before codesign is called", async () => {
  const folder = await scratchFolder();
  const app = writeTinyApp(
    join(folder, "Tiny.app"),
    { "Contents/MacOS/script": "#!/bin/sh\n" },
    { "Contents/out": "/etc" },
  );
  const { calls, host } = fakeMac();
  const entitlements = () => undefined;
  const failure: unknown = await signAppNatively({ app, identity, hardenedRuntime: true, entitlements, host }).catch(
    (error: unknown) => error,
  );
  expect((failure as ProblemsError).problems.map(({ code }) => code).sort()).toEqual([
    "BUNDLE_LINK",
    "BUNDLE_LOOSE_FILE",
  ]);
  expect(calls).toEqual([]);
});

test("productsign signs packages, on a Mac only", async () => {
  const { calls, host } = fakeMac();
  const request = { path: "/a.pkg", output: "/b.pkg", identity: "Developer ID Installer" };
  await productsign(request, host);
  expect(calls[0]).toMatchObject({
    file: "productsign",
    args: ["--timestamp", "--sign", "Developer ID Installer", "/a.pkg", "/b.pkg"],
  });
  await expect(productsign(request, { ...host, platform: "linux" })).rejects.toMatchObject({
    code: "KEY_KEYCHAIN_ELSEWHERE",
  });
});
