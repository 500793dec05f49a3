/**
 * Format: an AppImage of type 2. Its AppRun is the single file, stored as it
 * is; `formats/appimage.ts` says how the system starts it from within.
 */
import { open, stat } from "node:fs/promises";
import { ProblemsError } from "../../../runtime/base/errors.ts";
import { appDirProblems } from "../../../signing/linux/appdir.ts";
import { APPIMAGE_HEAD_BYTES, encodeAppImageHead, PROGRAM_HEAD_BYTES } from "../../formats/appimage.ts";
import { withFileRange } from "../../formats/byte-range.ts";
import { layoutSquashfs } from "../../formats/squashfs.ts";
import { squashfsChunks } from "../../formats/squashfs-stream.ts";
import { hostTarget } from "../../plan/target.ts";
import { stubPath } from "../../stub/targets.ts";
import { SINGLE_FILE, stubReaders, UNSQUASHFS, UNSQUASHFS_ARM64 } from "../verify/container-reader.ts";
import { appDirEntries, APPRUN } from "./appdir.ts";
import type { PackageFormat } from "./package-format.ts";
import { fileChunks, packPayload, payloadReads, type PackedPayload } from "./packed-payload.ts";

const EXECUTABLE_MODE = 0o755;
/** Of everything in the image: the same app gives the same bytes. */
const IMAGE_TIME = new Date("2000-01-01T00:00:00Z");

export const appImage: PackageFormat = {
  version: 1,
  reads: (ctx) => ({
    values: {
      payload: payloadReads(ctx),
      app: { ...ctx.config.app, icon: undefined },
      appimage: ctx.config.package.appimage,
      linux: ctx.config.package.linux,
    },
    files: [stubPath(ctx.target.target)],
  }),
  async write(request) {
    const { ctx, path } = request;
    const stub = stubPath(ctx.target.target);
    const stubBytes = (await stat(stub)).size;
    const payload = await packPayload(request, stubBytes);
    const entries = await appDirEntries(request, payload.fileBytes);
    const image = layoutSquashfs(entries, { modifiedAt: IMAGE_TIME, imageOffset: APPIMAGE_HEAD_BYTES });
    const appRun = image.contents.find((content) => content.path === APPRUN);
    if (appRun === undefined) throw new Error("the image has no AppRun");

    const head = encodeAppImageHead({
      program: await firstBytes(stub, PROGRAM_HEAD_BYTES),
      programOffset: APPIMAGE_HEAD_BYTES + appRun.offset,
      updateInformation: ctx.config.package.appimage.updateInformation,
    });
    const file = await open(path, "wx", EXECUTABLE_MODE);
    try {
      await file.writeFile(head);
      for await (const chunk of squashfsChunks(image, () => appRunChunks(stub, stubBytes, payload))) {
        ctx.signal.throwIfAborted();
        await file.writeFile(chunk);
      }
      await file.chmod(EXECUTABLE_MODE);
      await file.sync();
    } finally {
      await file.close();
    }
    // By a reader that shares nothing with the writer, before anybody else has to find out.
    const problems = await withFileRange(path, appDirProblems);
    if (problems.length > 0) throw new ProblemsError(problems);
    const fileBytes = APPIMAGE_HEAD_BYTES + image.imageBytes;
    const { container } = payload.compressedBytes;
    return {
      compressedBytes: { ...payload.compressedBytes, container: container + fileBytes - payload.fileBytes },
      containerDiskBytes: fileBytes,
    };
  },
  proof: {
    readers: (target) =>
      target === hostTarget()
        ? [UNSQUASHFS, SINGLE_FILE]
        : [...(target === "linux-arm64" ? [UNSQUASHFS_ARM64] : []), ...stubReaders()],
    appRoot: () => "",
  },
};

async function* appRunChunks(stub: string, stubBytes: number, payload: PackedPayload): AsyncGenerator<Uint8Array> {
  yield* fileChunks(stub, stubBytes);
  yield* payload.chunks();
}

async function firstBytes(path: string, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of fileChunks(path, length)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
