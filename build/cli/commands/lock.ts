/** `erth lock`: refreshes `erth.lock.json` for every target, including the addons that the sidecar uses. */
import { join } from "node:path";
import { TARGETS } from "../../plan/target.ts";
import { findNatives } from "../../sidecars/natives.ts";
import { cacheFolder } from "../../vendor/cache-folder.ts";
import { refreshLock } from "../../vendor/refresh-lock.ts";
import { nativeRequirement, PINNED } from "../../vendor/requirements.ts";
import { EXIT, type Command } from "../command.ts";
import { LOCK_FILE, loadSessionConfig } from "../session.ts";

export const lock: Command = {
  name: "lock",
  summary: "refresh the pinned binaries in erth.lock.json",
  async run(ctx) {
    const config = await loadSessionConfig(ctx);
    const lockPath = join(config.root, LOCK_FILE);
    const families = await findNatives(config);
    const natives = families.flatMap((family) =>
      TARGETS.flatMap((target) => {
        const prebuilt = family.packages[target];
        return prebuilt ? [nativeRequirement(family.name, target, prebuilt)] : [];
      }),
    );
    const {
      lock: written,
      isChanged,
      warnings,
    } = await refreshLock({
      lockPath,
      requirements: [...PINNED, ...natives],
      cacheFolder: cacheFolder(ctx.env),
      mirror: config.vendor.mirror,
      env: ctx.env,
      signal: ctx.signal,
      onProgress: (progress) => ctx.listener({ type: "vendor", ...progress }),
      acceptChanges: ctx.flags.accept,
    });
    for (const warning of warnings) ctx.report({ type: "notice", text: `${warning.message} ${warning.remedy}` });
    const text = `  ${lockPath}: ${Object.keys(written.entries).length} entries, ${isChanged ? "written" : "unchanged"}\n`;
    ctx.report({ type: "result", name: "lock", value: { path: lockPath, isChanged }, text });
    return EXIT.done;
  },
};
