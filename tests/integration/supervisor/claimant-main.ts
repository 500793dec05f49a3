/** One start of an app that wants to be the only one: `claimant-main.ts <folders JSON> <argument>`. Prints what it learns. */
import { createFolders, type AppFolders } from "../../../runtime/base/folders.ts";
import { claimSingleInstance } from "../../../runtime/supervisor/single-instance.ts";

function isFolders(value: unknown): value is AppFolders {
  return typeof value === "object" && value !== null && "cache" in value;
}

const folders: unknown = JSON.parse(process.argv[2] ?? "");
if (!isFolders(folders)) throw new Error("no folders");
createFolders(folders);
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
const claim = await claimSingleInstance(folders, "dev.erth.fake", process.argv.slice(3), (argv) =>
  say({ second: argv }),
);
say({ first: claim.first });
if (claim.first) {
  process.stdin.on("data", () => void claim.release().then(() => process.exit(0)));
}
