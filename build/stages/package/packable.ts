/** What the stub would refuse at the user's is refused before anything is compressed. */
import { ProblemsError, type Problem } from "../../../runtime/base/errors.ts";
import { RESERVED_NAME, staysInside } from "../../formats/payload.ts";
import { osOf, type Target } from "../../plan/target.ts";
import type { AppFolder, AppTree } from "./app-tree.ts";

/** Throws `PACKAGE_NAME` and `PACKAGE_LINK`, all at once; a launch that names nothing is a bug of the stage before. */
export function assertPackable(app: AppFolder, tree: AppTree, target: Target): void {
  const problems: Problem[] = [];
  for (const { path, kind } of tree.entries) {
    if (path === RESERVED_NAME) {
      problems.push({
        code: "PACKAGE_NAME",
        message: `the app has a file ${path}, which marks a finished unpacking.`,
        remedy: "rename the file, then erth package",
      });
    }
    if (kind === "link" && osOf(target) === "win32") {
      problems.push({
        code: "PACKAGE_LINK",
        message: `the app has a link ${path}, which Windows lets only administrators make.`,
        remedy: "put a copy in the link's place, then erth package",
      });
    }
  }
  if (osOf(target) !== "win32") problems.push(...linkProblems(tree));
  if (problems.length > 0) throw new ProblemsError(problems);
  const { executable, cwd } = app.facts.launch;
  const isThere = tree.entries.some((entry) => entry.path === executable && entry.isExecutable);
  const isFolder = cwd === "" || tree.entries.some((entry) => entry.path === cwd && entry.kind === "folder");
  if (!isThere || !isFolder) throw new Error(`the app has no executable ${executable} or no folder "${cwd}"`);
}

/** `PACKAGE_LINK` for every link that leads out of the app, whatever the container: it would lead to something of the user's. */
function linkProblems(tree: AppTree): readonly Problem[] {
  return tree.entries
    .filter(
      ({ path, kind, link }) => kind === "link" && !staysInside(path.split("/").slice(0, -1).join("/"), link ?? ""),
    )
    .map(({ path, link }) => ({
      code: "PACKAGE_LINK",
      message: `the link ${path} leaves the app: ${link}.`,
      remedy: "make the link relative and inside the app, then erth package",
    }));
}

/** Throws the `linkProblems`, all at once. */
export function assertLinksInside(tree: AppTree): void {
  const problems = linkProblems(tree);
  if (problems.length > 0) throw new ProblemsError(problems);
}
