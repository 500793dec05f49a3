/** Verifies a feed with a root, both given as files: the same on every runtime that an app uses. */
import { readFileSync } from "node:fs";
import { openTrustRoot, verifyFeed } from "../../../../runtime/updater/trust-root.ts";

const [root = "", ...feeds] = process.argv.slice(2);
const trusted = openTrustRoot(readFileSync(root));
for (const feed of feeds) {
  try {
    console.log(JSON.stringify(verifyFeed(readFileSync(feed), trusted, "feed", "the feed")));
  } catch (error) {
    console.log(error instanceof Error && "code" in error ? error.code : error);
  }
}
