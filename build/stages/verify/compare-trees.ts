/** Compares what a reader unpacked with what was staged: every path, kind, mode, link and digest. */
import { join } from "node:path";
import type { Problem } from "../../../runtime/base/errors.ts";
import { listTree, sha256OfFile, type TreeEntry } from "../../artifacts/digest.ts";
import type { ContainerProof, ContainerReader } from "./container-reader.ts";

export interface CompareRequest {
  /** The staged app, absolute. */
  readonly staged: string;
  /** What the reader unpacked, absolute. */
  readonly unpacked: string;
  /** Folder of the app in what was unpacked; "" for the top. */
  readonly appRoot: string;
  readonly isExtra: ContainerProof["isExtra"] | undefined;
  readonly decomposesNames?: boolean | undefined;
  readonly reader: ContainerReader;
  /** The finished file's name, for the messages. */
  readonly fileName: string;
}

/** At most this many differences are told one by one. */
const MAX_TOLD = 20;

/** Every difference, as `VERIFY_CONTENT` problems; none if the container holds the app and nothing but it. */
export async function compareTrees(request: CompareRequest): Promise<readonly Problem[]> {
  const { staged, unpacked, appRoot, isExtra, reader, fileName } = request;
  const named = (path: string): string => (request.decomposesNames ? path.normalize() : path);
  const prefix = appRoot === "" ? "" : `${named(appRoot)}/`;
  const [wanted, found] = await Promise.all([listTree(staged), listTree(unpacked)]);
  const inside = new Map<string, TreeEntry>();
  const differences: string[] = [];
  for (const entry of found) {
    const path = named(entry.path);
    if (path.startsWith(prefix)) inside.set(path.slice(prefix.length), entry);
    else if (!prefix.startsWith(`${path}/`) && !isExtra?.(path)) differences.push(`${path} was not staged`);
  }
  for (const entry of wanted) {
    const other = inside.get(named(entry.path));
    inside.delete(named(entry.path));
    if (other === undefined && reader.keeps.emptyFolders === false && isEmptyFolder(entry, wanted)) continue;
    const difference = other === undefined ? "is missing" : await differenceOf(entry, other, request);
    if (difference !== undefined) differences.push(`${entry.path} ${difference}`);
  }
  for (const path of inside.keys()) if (!isExtra?.(`${prefix}${path}`)) differences.push(`${path} was not staged`);
  const told = differences
    .slice(0, MAX_TOLD)
    .map((difference) => problem(fileName, `${difference} (read by ${reader.name})`));
  const rest = differences.length - told.length;
  return rest > 0 ? [...told, problem(fileName, `${rest} more paths differ`)] : told;
}

/** Whether a folder holds no file at any depth, which some containers have no way to say. */
function isEmptyFolder({ kind, path }: TreeEntry, entries: readonly TreeEntry[]): boolean {
  return kind === "folder" && !entries.some((entry) => entry.kind !== "folder" && entry.path.startsWith(`${path}/`));
}

async function differenceOf(
  wanted: TreeEntry,
  found: TreeEntry,
  { staged, unpacked, reader }: CompareRequest,
): Promise<string | undefined> {
  if (wanted.kind === "link" && !reader.keeps.links) return undefined;
  if (wanted.kind !== found.kind) return `is a ${found.kind}, not a ${wanted.kind}`;
  if (wanted.kind === "link")
    return wanted.link === found.link ? undefined : `points to ${found.link}, not to ${wanted.link}`;
  if (wanted.kind === "folder") return undefined;
  if (wanted.bytes !== found.bytes) return `has ${found.bytes} bytes, not ${wanted.bytes}`;
  if (reader.keeps.modes && wanted.isExecutable !== found.isExecutable) {
    return found.isExecutable ? "is executable, and should not be" : "is not executable";
  }
  const [one, two] = await Promise.all([
    sha256OfFile(join(staged, wanted.path)),
    sha256OfFile(join(unpacked, found.path)),
  ]);
  return one === two ? undefined : `has SHA-256 ${two.slice(0, 16)}…, not ${one.slice(0, 16)}…`;
}

function problem(fileName: string, what: string): Problem {
  return {
    code: "VERIFY_CONTENT",
    message: `${fileName}: ${what}.`,
    remedy: "report this with the output of erth release --json; the file was not published",
  };
}
