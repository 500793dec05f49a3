/** What both Windows installers say of an app, and the names that they refuse. */
import type { Problem } from "../../../runtime/base/errors.ts";
import { fileNameOf } from "../../shells/bundle-name.ts";
import type { TargetContext } from "../stage.ts";
import type { AppTree } from "./app-tree.ts";

export interface WindowsApp {
  readonly name: string;
  /** The name as Windows takes it in a file name. */
  readonly fileName: string;
  readonly slug: string;
  readonly identifier: string;
  readonly version: string;
  readonly publisher: string;
  readonly description: string;
}

export function windowsApp({ config }: Pick<TargetContext, "config">): WindowsApp {
  const { name, slug, identifier, version, publisher, description } = config.app;
  return { name, fileName: fileNameOf(name, slug, "win32"), slug, identifier, version, publisher, description };
}

/** Windows has links, but no installer has them; and a name may not have what its paths are made of. */
export function windowsTreeProblems(tree: AppTree): readonly Problem[] {
  return tree.entries.flatMap(({ path, kind }): readonly Problem[] => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const reason =
      kind === "link"
        ? "is a link, which no Windows installer carries"
        : /[<>:"|?*\\\p{Cc}]/u.test(name) || /[. ]$/.test(name)
          ? "has a name that Windows refuses"
          : undefined;
    if (reason === undefined) return [];
    return [{ code: "PACKAGE_NAME", message: `${path} ${reason}.`, remedy: "rename or remove it, then erth package" }];
  });
}
