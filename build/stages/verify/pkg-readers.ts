/** Who opens an installer package again: first the XAR around it, then the Payload of its one component. */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerReader, ReadRequest } from "./container-reader.ts";

const UTF8 = { LC_ALL: "C.UTF-8" };

/** libarchive reads XAR, gzip and cpio, and keeps modes and links. */
export const PKG_LIBARCHIVE: ContainerReader = {
  name: "libarchive (bsdtar)",
  program: "bsdtar",
  keeps: { modes: true, links: true },
  read: (request) =>
    readPackage(request, async ({ outer, payload, folder, exec, signal }) => {
      await exec("bsdtar", ["-xf", request.file, "-C", outer], { signal, env: UTF8 });
      await exec("bsdtar", ["-xpf", await payload(), "-C", folder], { signal, env: UTF8 });
    }),
};

/** 7-Zip takes each layer off for itself. */
export const PKG_SEVEN_ZIP: ContainerReader = {
  name: "7-Zip",
  program: "7z",
  keeps: { modes: true, links: true },
  read: (request) =>
    readPackage(request, async ({ outer, payload, folder, exec, signal }) => {
      const extract = (args: readonly string[]): Promise<unknown> =>
        exec("7z", ["x", "-y", "-bd", "-snld20", ...args], { signal, env: UTF8 });
      await extract(["-txar", `-o${outer}`, request.file]);
      const archive = await payload();
      await extract(["-tgzip", `-o${outer}/cpio`, archive]);
      const [name] = await readdir(join(outer, "cpio"));
      await extract(["-tcpio", `-o${folder}`, join(outer, "cpio", name ?? "")]);
    }),
};

interface Layers extends ReadRequest {
  /** Where the XAR is unpacked. */
  readonly outer: string;
  /** Path of the Payload in it. */
  readonly payload: () => Promise<string>;
}

async function readPackage(request: ReadRequest, read: (layers: Layers) => Promise<void>): Promise<void> {
  const outer = `${request.folder}.xar`;
  await mkdir(outer);
  await mkdir(request.folder);
  try {
    const payload = async (): Promise<string> => {
      const components = (await readdir(outer)).filter((name) => name.endsWith(".pkg"));
      if (components.length !== 1) throw new Error(`the package has ${components.length} components`);
      const path = join(outer, components[0] ?? "", "Payload");
      // Neither program guesses what is inside from this name; one is as good as another.
      await rename(path, `${path}.cpio.gz`);
      return `${path}.cpio.gz`;
    };
    await read({ ...request, outer, payload });
  } finally {
    await rm(outer, { recursive: true, force: true });
  }
}
