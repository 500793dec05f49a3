/** Which paths an app package of Windows can hold: what Windows' file system, the package and its manifest refuse. */
import { CONTENT_TYPES_NAME } from "./opc.ts";
import { BLOCK_MAP_NAME, MANIFEST_NAME, SIGNATURE_NAME } from "./msix.ts";

/** "The name … must be no more than 260 (MAX_PATH) characters", block map schema, `File`. */
const MAX_PATH_CHARACTERS = 260;
const RESERVED_FILES: readonly string[] = [MANIFEST_NAME, BLOCK_MAP_NAME, SIGNATURE_NAME, CONTENT_TYPES_NAME];
const RESERVED_FOLDERS: readonly string[] = ["AppxMetadata", "Microsoft.System.Package.Metadata"];
const DEVICES = /^(?:con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³])$/;

export interface NameFault {
  readonly path: string;
  /** Continues the sentence "<path> …". */
  readonly reason: string;
}

/** Every path that cannot be in a package, and why; paths are "/" separated. */
export function msixNameFaults(paths: readonly string[]): readonly NameFault[] {
  const seen = new Map<string, string>();
  return paths.flatMap((path) => {
    const folded = path.toLowerCase();
    const twin = seen.get(folded);
    seen.set(folded, path);
    const reason = twin === undefined ? faultOf(path) : `is ${twin} to Windows, which does not tell case apart`;
    return reason === undefined ? [] : [{ path, reason }];
  });
}

function faultOf(path: string): string | undefined {
  if (path.length > MAX_PATH_CHARACTERS) return `has ${path.length} characters; Windows takes ${MAX_PATH_CHARACTERS}`;
  const names = path.split("/");
  if (RESERVED_FILES.some((name) => name.toLowerCase() === path.toLowerCase())) return "is the package's own file";
  if (RESERVED_FOLDERS.some((name) => name.toLowerCase() === names[0]?.toLowerCase()))
    return "is in a folder of the package's own";
  for (const name of names) {
    if (/[<>:"\\|?*\p{Cc}]/u.test(name))
      return `has a character that Windows takes in no name (${JSON.stringify(name)})`;
    if (/[. ]$/.test(name)) return `has a name that ends in a dot or a space (${JSON.stringify(name)})`;
    const [stem = ""] = name.split(".");
    if (DEVICES.test(stem.trimEnd().toLowerCase())) return `has the name of a device (${JSON.stringify(name)})`;
  }
  return undefined;
}
