import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { RUNTIME_ENTITLEMENTS } from "../../../../signing/apple/entitlements.ts";
import { explainApp, explainMachO } from "../../../../signing/apple/explain.ts";
import { signApp } from "../../../../signing/apple/sign-app.ts";
import { signMachO } from "../../../../signing/apple/sign-mach-o.ts";
import { signingBench, trustedRoots } from "../../../unit/signing/apple/signing.ts";
import { writeTinyApp } from "../../../unit/signing/apple/tiny-app.ts";
import { tinyFat, tinyMachO } from "../../../unit/signing/apple/tiny-mach-o.ts";

test("an ad-hoc signature of a universal library", async () => {
  const { folder } = await signingBench();
  const [input, path] = [join(folder, "input"), join(folder, "libtiny.dylib")];
  writeFileSync(input, tinyFat(tinyMachO({ architecture: "x86_64", fileType: 6 }), tinyMachO({ fileType: 6 })));
  await signMachO({ input, output: path, identifier: "dev.erth.libtiny" });
  await expect(await explainMachO({ path })).toMatchFileSnapshot("ad-hoc.txt");
});

test("a Developer ID signature of a program", async () => {
  const { folder, developerId } = await signingBench();
  const [input, path] = [join(folder, "input"), join(folder, "tiny")];
  writeFileSync(input, tinyMachO());
  const entitlements = RUNTIME_ENTITLEMENTS.bun;
  await signMachO({ input, output: path, identifier: "dev.erth.tiny", entitlements, ...developerId });
  await expect(await explainMachO({ path, trustedRoots, policy: "notarizable" })).toMatchFileSnapshot(
    "developer-id.txt",
  );
});

test("a signed app, and the same with a file too many", async () => {
  const { folder, developerId } = await signingBench();
  const app = writeTinyApp(join(folder, "Tiny.app"));
  // Code among the resources is sealed with its signature, and a timestamp makes that another each time.
  await signApp({ app, ...developerId, timestampUrl: "none" });
  writeFileSync(join(app, "Contents/Resources/new.txt"), "new");
  await expect(await explainApp({ app, trustedRoots })).toMatchFileSnapshot("app.txt");
});
