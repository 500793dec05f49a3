/** A program that fetches one entry: `node fetch-one.ts <cache folder> <url> <sha256>`; prints the folder. */
import { createVendor } from "../../../build/vendor/create-vendor.ts";

const [cacheFolder = "", url = "", sha256 = ""] = process.argv.slice(2);
const vendor = createVendor({
  lock: { version: 1, entries: { core: { source: "archive", url, sha256 } } },
  lockPath: `${cacheFolder}/erth.lock.json`,
  cacheFolder,
  folders: {},
  offline: false,
  env: process.env,
  signal: new AbortController().signal,
  onProgress: ({ doneBytes }) => process.stderr.write(`${doneBytes}\n`),
});
process.stdout.write(await vendor.folder("core"));
