/** Somebody else's readers: who can open a finished file again, and what they keep of it. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { AppFolderFacts } from "../../artifacts/artifact.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import { APPIMAGE_HEAD_BYTES } from "../../formats/appimage.ts";
import { NSIS_FILES } from "../../formats/nsis-script.ts";
import { hostTarget, osOf, type Target } from "../../plan/target.ts";
import { stubPath } from "../../stub/targets.ts";
import { locate } from "../../tools/locate.ts";
import type { Exec } from "../../tools/exec.ts";

export interface ReadRequest {
  /** The finished file, absolute. */
  readonly file: string;
  /** Does not exist yet; absolute. */
  readonly folder: string;
  readonly exec: Exec;
  readonly signal: AbortSignal;
}

export interface ContainerReader {
  /** As the manifest names it: `7-Zip`. */
  readonly name: string;
  /** The program it needs on PATH; undefined: the file itself. */
  readonly program: string | undefined;
  /** What cannot be compared where it is not kept. */
  readonly keeps: { readonly modes: boolean; readonly links: boolean; readonly emptyFolders?: boolean };
  /** Unpacks the whole container. */
  read(request: ReadRequest): Promise<void>;
}

/** How a format is proven: who opens it, and where the app lies inside. */
export interface ContainerProof {
  /** The best one first; the first whose program is there is taken. */
  readers(target: Target): readonly ContainerReader[];
  /** Folder of the app in what a reader unpacks, "/" separated; "" for the top. */
  appRoot(app: AppFolderFacts, config: ResolvedConfig): string;
  /** Whether the container keeps names decomposed, so that only Unicode can say which are equal. */
  readonly decomposesNames?: boolean;
  /** Whether something else than the app belongs in the container. */
  readonly isExtra?: (path: string) => boolean;
}

export interface ReaderChoice {
  readonly reader: ContainerReader | undefined;
  /** Programs that were looked for and are not there. */
  readonly missing: readonly string[];
}

/** The first reader that this machine has. */
export async function chooseReader(readers: readonly ContainerReader[]): Promise<ReaderChoice> {
  const missing: string[] = [];
  for (const reader of readers) {
    if (reader.program === undefined || (await locate(reader.program))) return { reader, missing };
    missing.push(reader.program);
  }
  return { reader: undefined, missing };
}

/** Info-ZIP: names as UTF-8, modes and links. */
export const UNZIP: ContainerReader = {
  name: "Info-ZIP unzip",
  program: "unzip",
  keeps: { modes: true, links: true },
  async read({ file, folder, exec, signal }) {
    await mkdir(folder);
    await exec("unzip", ["-q", "-o", file, "-d", folder], { signal, env: { LC_ALL: "C.UTF-8" } });
  },
};

/** 7-Zip reads nearly everything; its links and modes depend on the container. */
export function sevenZip(keeps: ContainerReader["keeps"]): ContainerReader {
  return {
    name: "7-Zip",
    program: "7z",
    keeps,
    async read({ file, folder, exec, signal }) {
      await exec("7z", ["x", "-y", "-bd", "-snld20", `-o${folder}`, file], { signal, env: { LC_ALL: "C.UTF-8" } });
    },
  };
}

/** dpkg's own reader of packages. */
export const DPKG_DEB: ContainerReader = {
  name: "dpkg-deb",
  program: "dpkg-deb",
  keeps: { modes: true, links: true },
  async read({ file, folder, exec, signal }) {
    await exec("dpkg-deb", ["--extract", file, folder], { signal });
  },
};

/** libarchive's tar: any tar, and the payload of an RPM. */
export const BSDTAR: ContainerReader = {
  name: "bsdtar",
  program: "bsdtar",
  keeps: { modes: true, links: true },
  async read({ file, folder, exec, signal }) {
    await mkdir(folder);
    await exec("bsdtar", ["-x", "-f", file, "-C", folder], { signal, env: { LC_ALL: "C.UTF-8" } });
  },
};

/** GNU tar, with zstd beside it. */
export const GNU_TAR_ZSTD: ContainerReader = {
  name: "GNU tar",
  program: "zstd",
  keeps: { modes: true, links: true },
  async read({ file, folder, exec, signal }) {
    await mkdir(folder);
    await exec("tar", ["-x", "--zstd", "-f", file, "-C", folder], { signal });
  },
};

/** The single file's own unpacker: the Go program in it shares no code with the writer. */
export const SINGLE_FILE: ContainerReader = {
  name: "the file's own --erth-extract",
  program: undefined,
  keeps: { modes: true, links: true },
  async read({ file, folder, exec, signal }) {
    await exec(file, ["--erth-extract", folder], { signal });
  },
};

/** The same under emulation, for the other processor. */
export const SINGLE_FILE_ARM64: ContainerReader = {
  ...SINGLE_FILE,
  name: "the file's own --erth-extract, under qemu",
  program: "qemu-aarch64-static",
  async read({ file, folder, exec, signal }) {
    await exec("qemu-aarch64-static", [file, "--erth-extract", folder], { signal });
  },
};

/** An app for another system, by the stub of this one: the same Go reader. None on macOS, where the stub is a launcher. */
export function stubReaders(host: Target | undefined = hostTarget()): readonly ContainerReader[] {
  if (host === undefined || osOf(host) === "darwin") return [];
  return [
    {
      ...SINGLE_FILE,
      name: "the stub's --erth-extract",
      async read({ file, folder, exec, signal }) {
        await exec(stubPath(host), ["--erth-extract", folder, file], { signal });
      },
    },
  ];
}

/** libmsi by GNOME: files by their names in the tables. */
export const MSIEXTRACT: ContainerReader = {
  name: "msiextract",
  program: "msiextract",
  keeps: { modes: false, links: false, emptyFolders: false },
  async read({ file, folder, exec, signal }) {
    await mkdir(folder);
    await exec("msiextract", ["-C", folder, file], { signal, env: { LC_ALL: "C.UTF-8" } });
  },
};

/** A setup by 7-Zip, then the app in its payload by the stub of this machine. */
export function setupReaders(host: Target | undefined = hostTarget()): readonly ContainerReader[] {
  return stubReaders(host).map((stub) => ({
    ...stub,
    name: "7-Zip and the stub's --erth-extract",
    program: "7z",
    async read({ file, folder, exec, signal }) {
      const parts = `${folder}.setup`;
      await exec("7z", ["x", "-y", "-bd", `-o${parts}`, file, `$PLUGINSDIR/${NSIS_FILES.payload}`], { signal });
      await stub.read({ file: join(parts, "$PLUGINSDIR", NSIS_FILES.payload), folder, exec, signal });
    },
  }));
}

/** The AppDir by squashfs-tools, then the app by the AppRun in it. */
function unsquashfs(runner: readonly string[], name: string): ContainerReader {
  return {
    ...SINGLE_FILE,
    name,
    program: "unsquashfs",
    async read({ file, folder, exec, signal }) {
      const appDir = `${folder}.appdir`;
      await exec("unsquashfs", ["-q", "-n", "-o", String(APPIMAGE_HEAD_BYTES), "-d", appDir, file], { signal });
      const [program, ...args] = [...runner, join(appDir, "AppRun"), "--erth-extract", folder];
      await exec(program, args, { signal });
      await rm(appDir, { recursive: true, force: true });
    },
  };
}

export const UNSQUASHFS: ContainerReader = unsquashfs([], "unsquashfs and AppRun");

export const UNSQUASHFS_ARM64: ContainerReader = unsquashfs(
  ["qemu-aarch64-static"],
  "unsquashfs and AppRun, under qemu",
);
