/** Format: one executable file that unpacks itself once; `formats/payload.ts` has the layout. */
import { open, stat } from "node:fs/promises";
import { hostTarget } from "../../plan/target.ts";
import { stubPath } from "../../stub/targets.ts";
import { SINGLE_FILE, SINGLE_FILE_ARM64 } from "../verify/container-reader.ts";
import type { PackageFormat } from "./package-format.ts";
import { fileChunks, packPayload, payloadReads } from "./packed-payload.ts";

const EXECUTABLE_MODE = 0o755;

export const singleFile: PackageFormat = {
  version: 1,
  reads: (ctx) => ({ values: payloadReads(ctx), files: [stubPath(ctx.target.target)] }),
  async write(request) {
    const stub = stubPath(request.ctx.target.target);
    const stubBytes = (await stat(stub)).size;
    const { fileBytes, compressedBytes, chunks } = await packPayload(request, stubBytes);
    const file = await open(request.path, "wx", EXECUTABLE_MODE);
    try {
      for await (const chunk of fileChunks(stub, stubBytes)) await file.writeFile(chunk);
      for await (const chunk of chunks()) await file.writeFile(chunk);
      await file.chmod(EXECUTABLE_MODE);
      await file.sync();
    } finally {
      await file.close();
    }
    return { compressedBytes, containerDiskBytes: fileBytes };
  },
  proof: {
    readers: (target) =>
      target === hostTarget() ? [SINGLE_FILE] : target === "linux-arm64" ? [SINGLE_FILE_ARM64] : [],
    appRoot: () => "",
  },
};
