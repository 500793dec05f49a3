import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generateFeedKey, signFeed } from "../../../../signing/feed/ed25519.ts";
import { createRoot } from "../../../../signing/feed/trust-root.ts";
import { scratchFolder } from "../../../support/scratch.ts";

const child = new URL("verify-child.ts", import.meta.url).pathname;
const bun = new URL("../../../../node_modules/bun/bin/bun.exe", import.meta.url).pathname;

test.for([
  ["Node", process.execPath],
  ["Bun", bun],
] as const)("%s believes the right feed and refuses the others", async ([name, runtime], { skip }) => {
  skip(!existsSync(runtime), `${name} is not installed`);
  const folder = await scratchFolder();
  const [key, stranger] = [generateFeedKey(), generateFeedKey()];
  const role = { keys: [key.publicKey], threshold: 1 };
  const files = {
    root: createRoot({ expires: new Date("2027-01-01T00:00:00Z"), roles: { root: role, feed: role } }, [key]),
    right: signFeed({ name: "日本 β", version: 3 }, [key]),
    wrong: signFeed({ name: "日本 β", version: 3 }, [stranger]),
    cut: Buffer.from('{"signed":'),
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  // What one person signed for a larger number: the digits are not the same bytes.
  writeFileSync(
    join(folder, "changed"),
    Buffer.from(files.right).toString("utf8").replace('"version": 3', '"version": 4'),
  );
  const paths = ["root", "right", "wrong", "cut", "changed"].map((name) => join(folder, name));
  const output = execFileSync(runtime, [child, ...paths], { encoding: "utf8" });
  expect(output.trim().split("\n")).toEqual([
    '{"name":"日本 β","version":3}',
    "FEED_SIGNATURE",
    "FEED_UNREADABLE",
    "FEED_SIGNATURE",
  ]);
});
