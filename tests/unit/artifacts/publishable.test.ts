import { expect, test } from "vitest";
import type { CompanionFile, Manifest, ManifestFile } from "../../../build/artifacts/manifest.ts";
import { publishProblems } from "../../../build/artifacts/publishable.ts";

const STRICT = { isUnsignedAllowed: false, isFallbackAllowed: false };
const SHA = "0".repeat(64);

function file(change: Partial<ManifestFile>): ManifestFile {
  return {
    kind: "installer",
    target: "linux-x64",
    path: "notes",
    bytes: 1,
    sha256: SHA,
    format: "single-file",
    shell: "webview",
    sidecar: "pkg",
    signedBy: null,
    app: SHA,
    proven: [],
    unproven: [],
    from: [],
    compressedBytes: {},
    diskBytes: {},
    ...change,
  } as ManifestFile;
}

function codes(artifacts: readonly ManifestFile[], companions: readonly CompanionFile[] = [], allowed = STRICT) {
  const manifest = { schema: 1, artifacts, companions } as unknown as Manifest;
  return publishProblems(manifest, allowed).map(({ code, message }) => `${code} ${message.split(" ")[0]}`);
}

const mac = (change: Partial<ManifestFile>) =>
  file({ target: "darwin-arm64", path: "mac.zip", format: "zip", ...change });
const KEYED = "Developer ID Application: Example";

test.each<[string, ManifestFile, readonly string[]]>([
  ["unsigned", file({}), ["PUBLISH_UNSIGNED notes"]],
  ["ad hoc", mac({ signedBy: "ad-hoc" }), ["PUBLISH_UNSIGNED mac.zip"]],
  ["signed for Windows", file({ target: "win32-x64", signedBy: "Example Ltd" }), []],
  ["signed for macOS and never submitted", mac({ signedBy: KEYED }), ["PUBLISH_NOT_NOTARIZED mac.zip"]],
  ["submitted", mac({ signedBy: KEYED, notarization: { state: "submitted" } }), ["PUBLISH_NOT_NOTARIZED mac.zip"]],
  ["stapled", mac({ signedBy: KEYED, notarization: { state: "stapled" } }), []],
  ["with a fallback", file({ signedBy: "x", fallbackReason: "no core" }), ["PUBLISH_FALLBACK notes"]],
])("%s", (_name, artifact, expected) => {
  expect(codes([artifact])).toEqual(expected);
});

test("a detached signature is one, a zsync file is none; what is allowed is allowed", () => {
  const beside = (role: CompanionFile["role"]) =>
    ({ kind: "companion", target: "linux-x64", format: "single-file", role, path: "notes.asc" }) as CompanionFile;
  expect(codes([file({})], [beside("openpgp")])).toEqual([]);
  expect(codes([file({})], [beside("zsync")])).toEqual(["PUBLISH_UNSIGNED notes"]);
  const fallback = file({ fallbackReason: "no core" });
  expect(codes([fallback], [], { isUnsignedAllowed: true, isFallbackAllowed: true })).toEqual([]);
});
