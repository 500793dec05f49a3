/** Small helpers of the container tests: a sink over a real file, and a tree of odd files. */
import { mkdir, open, readdir, lstat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileSink, type Sink } from "../../build/formats/sink.ts";

/** Names of apps that a container has to carry. */
export const APP_NAMES = ["ERTH Assistant", "Éclair 2.0 — β", "日本語アプリ", `a.b c'd"e`] as const;

/** Writes a file through a sink. */
export async function writeThrough(path: string, write: (sink: Sink) => Promise<void>): Promise<void> {
  const file = await open(path, "w");
  try {
    const sink = fileSink(file);
    await write(sink);
    await sink.flush();
  } finally {
    await file.close();
  }
}

/** A path of 300 characters, a folder of nothing, links of every kind, an executable, many small files. */
export async function oddTree(root: string, count: number): Promise<void> {
  const long = `${"long folder name/".repeat(17)}last of it.`;
  const files: Readonly<Record<string, string>> = {
    [long]: "at the end of a long path",
    "bin/run it": "#!/bin/sh\n",
    "émoji 😀/é̈.txt": "accents",
    empty: "",
    ...Object.fromEntries(Array.from({ length: count }, (_, at) => [`many/${at % 37}/file-${at}.js`, `export ${at};`])),
  };
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content, { mode: path.startsWith("bin/") ? 0o755 : 0o644 });
  }
  await mkdir(join(root, "nothing in it"));
  await symlink("bin/run it", join(root, "link"));
  await symlink("../émoji 😀/é̈.txt", join(root, "bin/to text"));
}

/** Every path below a folder with its kind, mode and size, sorted: what a reader has to give back. */
export async function listing(root: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const stats = await lstat(path);
    const kind = stats.isDirectory() ? "folder" : stats.isSymbolicLink() ? "link" : "file";
    const mode = kind === "file" ? (stats.mode & 0o111 ? " x" : " -") : "";
    lines.push(`${kind}${mode} ${path.slice(root.length + 1)}${kind === "file" ? ` ${stats.size}` : ""}`);
  }
  return lines.sort();
}
