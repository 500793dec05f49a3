/**
 * Copies the workflows to `.github/workflows`, the only place that GitHub
 * reads. With `--check` it writes nothing and fails where the two differ.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const from = import.meta.dirname;
const to = join(from, "..", ".github", "workflows");
const isCheck = process.argv.includes("--check");

const wanted = readdirSync(from).filter((name) => name.endsWith(".yml"));
mkdirSync(to, { recursive: true });
const strangers = readdirSync(to).filter((name) => !wanted.includes(name));
const drifted = wanted.filter((name) => {
  const text = readFileSync(join(from, name), "utf8");
  const path = join(to, name);
  if (readdirSync(to).includes(name) && readFileSync(path, "utf8") === text) return false;
  if (!isCheck) writeFileSync(path, text);
  return true;
});

if (isCheck && drifted.length + strangers.length > 0) {
  const names = [...drifted, ...strangers].join(", ");
  console.error(
    `error[WORKFLOWS_DRIFTED] .github/workflows differs from workflows/ in ${names}.\n  do  npm run workflows`,
  );
  process.exitCode = 1;
}
