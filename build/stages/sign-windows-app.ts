/**
 * Stage, Windows: the app folder → the same app, its programs and libraries
 * signed with Authenticode. The rule for others' code: what carries a valid
 * signature by its vendor (Bun is signed by its makers) keeps it, everything
 * else gets ours; `signing.windows.vendorCode: "sign"` signs that anew as well.
 */
import { constants } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { whoSignedWindows } from "../../signing/who-signed.ts";
import { checkAppKeys } from "../keys/check-signing.ts";
import { identityOf } from "../keys/key-identity.ts";
import { signPeFolder } from "../sign/windows-code.ts";
import { keyProblems } from "./key-checks.ts";
import { signedParts } from "./signed-parts.ts";
import { targetStage } from "./stage.ts";

export const signWindowsApp = targetStage({
  id: "sign-app",
  version: 2,
  scope: "target",
  needs: ["branded-app"],
  makes: ["signed-app"],
  skip: ({ signing }) => (signing.code === "key" ? undefined : "no key is configured: unsigned"),
  preflight: (ctx) => keyProblems(ctx, checkAppKeys(ctx.keyring, "win32")),
  async reads({ keyring }) {
    const { windows } = keyring.signing;
    if (windows === undefined) return {};
    const { timestampUrl, description, url, vendorCode, key } = windows;
    return { values: { signer: await identityOf(keyring, key), timestampUrl, description, url, vendorCode } };
  },
  async run(ctx, { "branded-app": app }) {
    const { windows } = ctx.keyring.signing;
    if (windows === undefined) throw new Error("the plan says there is a key, and the config has none");
    const folder = join(ctx.workFolder, "app");
    await cp(app.path, folder, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
    const { signed, kept } = await signPeFolder(ctx.keyring, windows, folder, ctx.signal);
    const signature = await whoSignedWindows(join(folder, app.facts.launch.executable));
    const by = signature?.by ?? null;
    ctx.log(
      `${signed.length} programs and libraries by ${by ?? "nobody"}${kept.length > 0 ? `; kept their vendor's: ${kept.join(", ")}` : ""}`,
    );
    const parts = await signedParts(folder, app.facts);
    return [{ kind: "signed-app", path: folder, facts: { ...app.facts, parts, signedBy: by, signature } }];
  },
});
