import { expect, test } from "vitest";
import { codesign, findKeychainIdentity, type MacHost, parseIdentities } from "../../../../signing/keys/keychain.ts";

const OUTPUT = `
  1) 2B1A3C4D5E6F708192A3B4C5D6E7F8091A2B3C4D "Developer ID Application: Example GmbH (TEAMID1234)"
  2) 3B1A3C4D5E6F708192A3B4C5D6E7F8091A2B3C4D "Developer ID Application: Other "Quoted" Ltd (TEAMID5678)"
  3) 4B1A3C4D5E6F708192A3B4C5D6E7F8091A2B3C4D "Apple Development: someone@example.com (ABCDE12345)"
     3 valid identities found
`;
const mac = (calls: string[][] = []): MacHost => ({
  platform: "darwin",
  run: async (file, args) => {
    calls.push([file, ...args]);
    return { stdout: OUTPUT, stderr: "" };
  },
});

test("the output of security is read", () => {
  expect(parseIdentities(OUTPUT)).toHaveLength(3);
  expect(parseIdentities(OUTPUT)[1]).toEqual({
    sha1: "3B1A3C4D5E6F708192A3B4C5D6E7F8091A2B3C4D",
    name: 'Developer ID Application: Other "Quoted" Ltd (TEAMID5678)',
  });
  expect(parseIdentities("     0 valid identities found\n")).toEqual([]);
});

test("one identity by name, part of it, or SHA-1", async () => {
  for (const wanted of [
    "TEAMID1234",
    "2b1a3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
    parseIdentities(OUTPUT)[0]?.name ?? "",
  ]) {
    expect((await findKeychainIdentity(wanted, mac())).sha1).toBe("2B1A3C4D5E6F708192A3B4C5D6E7F8091A2B3C4D");
  }
  await expect(findKeychainIdentity("Developer ID", mac())).rejects.toMatchObject({ code: "KEY_AMBIGUOUS" });
  await expect(findKeychainIdentity("Nobody", mac())).rejects.toMatchObject({
    code: "KEY_NOT_FOUND",
    message: expect.stringContaining("Example GmbH"),
  });
});

test("codesign is told the SHA-1, never a name that could be two", async () => {
  const calls: string[][] = [];
  const identity = await findKeychainIdentity("TEAMID1234", mac(calls), "/tmp/build.keychain");
  await codesign({ path: "/b/Notes.app", identity, entitlementsPath: "/b/e.plist", hardenedRuntime: true }, mac(calls));
  expect(calls).toEqual([
    ["security", "find-identity", "-v", "-p", "codesigning", "/tmp/build.keychain"],
    [
      "codesign",
      "--force",
      "--timestamp",
      "--options",
      "runtime",
      "--entitlements",
      "/b/e.plist",
      "--sign",
      identity.sha1,
      "/b/Notes.app",
    ],
  ]);
});

test("elsewhere than on a Mac it says what to do instead", async () => {
  const host: MacHost = { ...mac(), platform: "linux" };
  const refused = { code: "KEY_KEYCHAIN_ELSEWHERE", remedy: expect.stringContaining(".p12") };
  await expect(findKeychainIdentity("x", host)).rejects.toMatchObject(refused);
  const identity = { sha1: "2B", name: "x" };
  await expect(codesign({ path: "/b", identity, hardenedRuntime: true }, host)).rejects.toMatchObject(refused);
});
