import { expect, test } from "vitest";
import { resolveConfig } from "../../../build/config/resolve.ts";
import { NO_SIGNING } from "../../../build/config/resolved-signing.ts";
import { renderSigningPlan, signingPlan } from "../../../build/plan/signing-plan.ts";
import { TARGETS } from "../../../build/plan/target.ts";
import { sampleApp, sampleConfig } from "../config/sample.ts";

const app = sampleApp();
const signing = (section: object) => resolveConfig({ ...sampleConfig(), signing: section }, app.file).signing;

test("without keys only macOS code is signed, ad hoc", () => {
  expect(TARGETS.map((target) => renderSigningPlan(signingPlan(NO_SIGNING, target)))).toEqual([
    "ad hoc: no key is configured",
    "ad hoc: no key is configured",
    "unsigned: no key is configured",
    "unsigned: no key is configured",
    "unsigned: no key is configured",
  ]);
});

test("each system has its own keys", () => {
  const key = { env: "KEY" };
  const all = signing({
    apple: { key, installerKey: key, notarize: { mode: "submit" } },
    linux: { minisign: key, openpgp: key },
  });
  expect(signingPlan(all, "darwin-x64")).toEqual({
    code: "key",
    hasInstallerKey: true,
    notarize: "submit",
    detached: [],
  });
  expect(renderSigningPlan(signingPlan(all, "darwin-x64"))).toBe(
    "with the configured key, submitted to Apple's notary",
  );
  expect(renderSigningPlan(signingPlan(all, "win32-x64"))).toBe("unsigned: no key is configured");
  expect(renderSigningPlan(signingPlan(all, "linux-x64"))).toBe("detached, by OpenPGP and minisign");
  const waiting = signing({ apple: { key, notarize: {} }, windows: { key } });
  expect(renderSigningPlan(signingPlan(waiting, "darwin-arm64"))).toBe(
    "with the configured key, notarized and stapled",
  );
  expect(renderSigningPlan(signingPlan(waiting, "win32-x64"))).toBe("with the configured key");
});
