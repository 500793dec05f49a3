/** Stage: the finished AppImage → its `.zsync` file, where the AppImage says that there is one. */
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeZsync } from "../formats/zsync.ts";
import type { FormatId } from "../plan/package-format.ts";
import { formatPlan, targetStage, type Stage } from "./stage.ts";

const LANE: FormatId = "appimage";
const SUFFIX = ".zsync";
const CHUNK_BYTES = 1 << 20;

export const zsyncStage: Stage = targetStage({
  id: "zsync-appimage",
  version: 1,
  scope: "target",
  lane: LANE,
  // The last state: a signature changes the bytes that the control file names.
  needs: ["stapled-installer"],
  makes: ["companion"],
  reads: (ctx) => ({
    values: {
      fileName: formatPlan(ctx.target, LANE).fileName,
      isWanted: ctx.config.package.appimage.updateInformation !== "",
    },
  }),
  async run(ctx, { "stapled-installer": installer }) {
    if (ctx.config.package.appimage.updateInformation === "") return [];
    const { fileName } = formatPlan(ctx.target, LANE);
    const control = await encodeZsync({
      fileName,
      fileBytes: installer.bytes,
      chunks: createReadStream(installer.path, {
        highWaterMark: CHUNK_BYTES,
        signal: ctx.signal,
      }) as AsyncIterable<Buffer>,
    });
    const path = join(ctx.workFolder, `${fileName}${SUFFIX}`);
    await writeFile(path, control);
    return [{ kind: "companion", path, facts: { role: "zsync", format: LANE, suffix: SUFFIX } }];
  },
});
