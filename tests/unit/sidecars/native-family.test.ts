import { expect, test } from "vitest";
import { nativeFamily, platformOf, rewriteComputedRequires } from "../../../build/sidecars/native-family.ts";

const manifest = (name: string, optional: readonly string[], version = "1.2.3") => ({
  name,
  version,
  optionalDependencies: Object.fromEntries(optional.map((one) => [one, version])),
});

test.each([
  ["@libsql/linux-x64-gnu", "linux-x64"],
  ["@libsql/win32-x64-msvc", "win32-x64"],
  ["@node-rs/argon2-darwin-arm64", "darwin-arm64"],
  ["@x/fsevents-darwin-universal", "darwin-universal"],
  ["thing-windows-amd64", "win32-x64"],
  ["@libsql/linux-x64-musl", undefined],
  ["@libsql/linux-arm-gnueabihf", undefined],
  ["@x/y-android-arm64", undefined],
  ["@x/y-linux-arm64-musl", undefined],
  ["bufferutil", undefined],
  ["linux-only", undefined],
])("%s is for %s", (name, expected) => {
  const found = platformOf(name);
  expect(found && `${found.os}-${found.arch}`).toBe(expected);
});

test("a family names a package for each target, and says what else exists", () => {
  const family = nativeFamily(
    manifest("@node-rs/argon2", [
      "@node-rs/argon2-linux-x64-gnu",
      "@node-rs/argon2-linux-x64-musl",
      "@node-rs/argon2-darwin-universal",
      "@node-rs/argon2-darwin-x64",
      "@node-rs/argon2-freebsd-x64",
    ]),
  );
  expect(family?.name).toBe("@node-rs+argon2");
  expect(family?.packages).toEqual({
    "darwin-arm64": { package: "@node-rs/argon2-darwin-universal", version: "1.2.3" },
    "darwin-x64": { package: "@node-rs/argon2-darwin-x64", version: "1.2.3" },
    "linux-x64": { package: "@node-rs/argon2-linux-x64-gnu", version: "1.2.3" },
    "linux-arm64": undefined,
    "win32-x64": undefined,
  });
  expect(family?.available).toContain("@node-rs/argon2-linux-x64-musl");
  expect(family?.available).toContain("@node-rs/argon2-freebsd-x64");
});

test("a package without platform packages is no family", () => {
  expect(nativeFamily(manifest("ws", ["bufferutil", "utf-8-validate"]))).toBeUndefined();
});

test("a range is locked as the version that is installed, else as the package's own", () => {
  const ranged = { name: "x", version: "2.0.0", optionalDependencies: { "x-linux-x64": "^2.0.0" } };
  expect(nativeFamily(ranged)?.packages["linux-x64"]?.version).toBe("2.0.0");
  expect(nativeFamily(ranged, () => "2.0.7")?.packages["linux-x64"]?.version).toBe("2.0.7");
});

const libsql = nativeFamily(manifest("libsql", ["@libsql/linux-x64-gnu", "@libsql/darwin-arm64"]))!;

test.each([
  ["return require(`@libsql/${target}`);", 'return require("NEW");'],
  ['require("@libsql/" + target)', 'require("NEW")'],
  // A call inside the parentheses is too much for a pattern.
  ["require('@libsql/' + names.join('-'))", "require('@libsql/' + names.join('-'))"],
  ["require(`@other/${target}`)", "require(`@other/${target}`)"],
  ["require(`./${name}`)", "require(`./${name}`)"],
  ["require(`${name}`)", "require(`${name}`)"],
  ['require("@libsql/client")', 'require("@libsql/client")'],
])("%s becomes %s", (before, after) => {
  expect(rewriteComputedRequires(before, libsql, "NEW")).toBe(after);
});
