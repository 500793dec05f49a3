/**
 * Looks at the AppDir in an AppImage, as the AppImageSpec wants it: an AppRun
 * that can be started, one desktop entry at the top, its icon, `.DirIcon`, and
 * no link that leaves the image.
 */
import { posix } from "node:path";
import { type ByteRange, subRange } from "../../build/formats/byte-range.ts";
import { readSquashfs, type SquashfsMember } from "../../build/formats/squashfs-reader.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";

const SECTION_HEADER_BYTES = 64;
const MAX_ENTRY_BYTES = 1 << 20;

/** Everything that is wrong; never throws for what is in the file. `range` is a whole AppImage for a 64-bit machine. */
export async function appDirProblems(range: ByteRange): Promise<readonly Problem[]> {
  try {
    const offset = await imageOffset(range);
    if (offset >= range.size) return [problem("APPDIR_MISSING", "No file system follows its runtime.")];
    const members = await readSquashfs(subRange(range, offset, range.size - offset));
    return [...(await shapeProblems(members)), ...linkProblems(members)];
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    return [{ code: error.code, message: error.message, remedy: error.remedy }];
  }
}

/** Where runtimes take the image to begin: the end of the section table, or of the last section in it. */
async function imageOffset(range: ByteRange): Promise<number> {
  const header = Buffer.from(await range.read(0, Math.min(SECTION_HEADER_BYTES, range.size)));
  if (header.length < SECTION_HEADER_BYTES || header[4] !== 2) return range.size;
  const table = Number(header.readBigUInt64LE(40));
  const count = header.readUInt16LE(60);
  const end = table + count * SECTION_HEADER_BYTES;
  if (count === 0 || end > range.size) return range.size;
  const last = Buffer.from(await range.read(end - SECTION_HEADER_BYTES, SECTION_HEADER_BYTES));
  return Math.max(end, Number(last.readBigUInt64LE(24)) + Number(last.readBigUInt64LE(32)));
}

async function shapeProblems(members: readonly SquashfsMember[]): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const top = new Map(members.filter(({ path }) => !path.includes("/")).map((member) => [member.path, member]));
  const appRun = top.get("AppRun");
  if (appRun === undefined || (appRun.kind === "file" && (appRun.mode & 0o111) === 0) || appRun.kind === "folder") {
    problems.push(problem("APPDIR_SHAPE", "Its AppDir has no AppRun that can be started."));
  }
  const entries = [...top.values()].filter(({ path }) => path.endsWith(".desktop"));
  const [entry] = entries;
  if (entries.length !== 1 || entry === undefined) {
    problems.push(problem("APPDIR_SHAPE", `Its AppDir has ${entries.length} desktop entries at its top, not one.`));
  } else if (entry.kind === "file") {
    const icon = /^Icon=(.+)$/m.exec((await entry.read(MAX_ENTRY_BYTES)).toString())?.[1];
    const isThere = icon !== undefined && ["png", "svg", "xpm"].some((kind) => top.has(`${icon}.${kind}`));
    if (!isThere)
      problems.push(problem("APPDIR_SHAPE", `Its AppDir lacks the icon ${icon ?? "of its desktop entry"}.`));
  }
  if (!top.has(".DirIcon")) problems.push(problem("APPDIR_SHAPE", "Its AppDir has no .DirIcon."));
  return problems;
}

function linkProblems(members: readonly SquashfsMember[]): readonly Problem[] {
  return members.flatMap(({ path, target }) => {
    if (target === undefined) return [];
    const place = posix.join(posix.dirname(path), target);
    const isInside = !target.startsWith("/") && place !== ".." && !place.startsWith("../");
    return isInside ? [] : [problem("APPDIR_LINK", `Its link ${path} leaves it: ${target}.`)];
  });
}

function problem(code: string, message: string): Problem {
  return { code, message, remedy: "make the AppImage again: erth package" };
}
