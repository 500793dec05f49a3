/**
 * Stage, macOS: the app folder → the same app, its code signed: every Mach-O
 * wherever it lies, inside out, then the seals. All of it is signed anew, that
 * of vendors too: the hardened runtime wants entitlements of our own, and
 * library validation one team. Without a key the signatures are ad hoc, since
 * code without any is killed at its start on arm64.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { AD_HOC, whoSignedApple } from "../../signing/who-signed.ts";
import { checkAppKeys } from "../keys/check-signing.ts";
import { identityOf } from "../keys/key-identity.ts";
import { signMacApp as signWithConfig } from "../sign/mac-app.ts";
import { keyProblems } from "./key-checks.ts";
import { signedParts } from "./signed-parts.ts";
import { targetStage } from "./stage.ts";

export const signMacApp = targetStage({
  id: "sign-app",
  version: 2,
  scope: "target",
  needs: ["app"],
  makes: ["signed-app"],
  preflight: (ctx) => keyProblems(ctx, checkAppKeys(ctx.keyring, "darwin")),
  async reads({ keyring }) {
    const { apple } = keyring.signing;
    if (apple === undefined) return { values: { signer: AD_HOC } };
    const { teamId, entitlements, isHardened, timestampUrl, key } = apple;
    const values = { signer: await identityOf(keyring, key), teamId, isHardened, timestampUrl };
    return { values: { ...values, programs: Object.keys(entitlements) }, files: Object.values(entitlements) };
  },
  async run(ctx, { app }) {
    const { keyring, signal } = ctx;
    const output = join(ctx.workFolder, app.facts.bundleName);
    try {
      const count = await signWithConfig({ keyring, app: app.path, output, isDurable: false, signal });
      const signature = await whoSignedApple(output);
      const by = signature?.by ?? AD_HOC;
      ctx.log(`${count} executables and libraries, ${by === AD_HOC ? "ad hoc: no key is configured" : `by ${by}`}`);
      const parts = await signedParts(output, app.facts);
      return [{ kind: "signed-app", path: output, facts: { ...app.facts, parts, signedBy: by, signature } }];
    } catch (error) {
      await rm(output, { recursive: true, force: true });
      throw error;
    }
  },
});
