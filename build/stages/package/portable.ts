/**
 * Format: one Windows program that unpacks the app once and starts it, without
 * installing anything. The payload lies behind the program's last section,
 * where a signature covers it; `formats/payload.ts` has the layout.
 */
import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ErthError } from "../../../runtime/base/errors.ts";
import { renderAppManifest } from "../../../signing/windows/app-manifest.ts";
import { peChecksum } from "../../../signing/windows/checksum.ts";
import { MAX_HEAD_BYTES, parsePe } from "../../../signing/windows/pe.ts";
import { setResources } from "../../../signing/windows/resources.ts";
import { fourPartVersion } from "../../../signing/windows/version-info.ts";
import { formatPlan } from "../stage.ts";
import { stubPath } from "../../stub/targets.ts";
import { stubReaders } from "../verify/container-reader.ts";
import type { PackageFormat, PackageRequest } from "./package-format.ts";
import { packPayload, payloadReads, type PackedPayload } from "./packed-payload.ts";

/** Offsets in PE files have 32 bits. */
const MAX_FILE_BYTES = 0xffff_ffff;

export const portable: PackageFormat = {
  version: 1,
  reads: (ctx) => ({
    values: { payload: payloadReads(ctx), publisher: ctx.config.app.publisher },
    files: [stubPath(ctx.target.target)],
  }),
  async write(request) {
    const stub = await brandedStub(request);
    const stubBytes = (await stat(stub)).size;
    const payload = await packPayload(request, stubBytes);
    if (payload.fileBytes > MAX_FILE_BYTES) throw tooLarge(payload.fileBytes);
    await writeProgram(request.path, stub, stubBytes, payload);
    return { compressedBytes: payload.compressedBytes, containerDiskBytes: payload.fileBytes };
  },
  proof: {
    readers: () => stubReaders(),
    appRoot: () => "",
  },
};

/** The stub with the app's icon, version and manifest: these have to come before the payload. */
async function brandedStub({ ctx, icons }: PackageRequest): Promise<string> {
  const { name, identifier, version, publisher } = ctx.config.app;
  const output = join(ctx.workFolder, "portable-stub.exe");
  await setResources({
    input: stubPath(ctx.target.target),
    output,
    icon: await readFile(join(icons.path, "icon.ico")),
    version: { name, version, publisher, fileName: formatPlan(ctx.target, "portable").fileName },
    manifest: renderAppManifest({ identifier, version: fourPartVersion(version) }),
    signal: ctx.signal,
  });
  return output;
}

/** Stub and payload, and the checksum of both, which scanners look at. */
async function writeProgram(path: string, stub: string, stubBytes: number, payload: PackedPayload): Promise<void> {
  const sum = peChecksum();
  const file = await open(path, "wx", 0o755);
  try {
    const program = await readFile(stub);
    const { checksumOffset } = parsePe(program.subarray(0, MAX_HEAD_BYTES), stubBytes);
    // The field itself counts as zero.
    program.writeUInt32LE(0, checksumOffset);
    let at = 0;
    const append = async (chunk: Uint8Array): Promise<void> => {
      sum.add(chunk, at);
      at += chunk.length;
      await file.writeFile(chunk);
    };
    await append(program);
    for await (const chunk of payload.chunks()) await append(chunk);
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32LE(sum.value(at));
    await file.write(checksum, 0, checksum.length, checksumOffset);
    await file.chmod(0o755);
    await file.sync();
  } finally {
    await file.close();
  }
}

function tooLarge(bytes: number): ErthError {
  return new ErthError({
    code: "PORTABLE_LIMIT",
    message: `the portable program would have ${bytes} bytes; Windows programs end at ${MAX_FILE_BYTES}.`,
    remedy: "take the setup instead: remove portable from package.formats.win32",
  });
}
