import { expect, test } from "vitest";
import { resolveConfig } from "../../../build/config/resolve.ts";
import { ProblemsError } from "../../../runtime/base/errors.ts";
import { sampleApp, sampleConfig } from "./sample.ts";

const app = sampleApp();

function resolved(msix?: Readonly<Record<string, unknown>>, publisher = "Example Ltd") {
  const config = sampleConfig();
  return resolveConfig({ ...config, app: { ...config.app, publisher }, package: { msix } }, app.file).package.msix;
}

/** The messages about `package.msix`, each with its remedy. */
function problems(msix: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    resolved(msix);
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    return error.problems.map(({ message, remedy }) => `${message} ${remedy}`);
  }
  return [];
}

test("identity and publisher are the app's by default, a publisher with signs of the syntax quoted", () => {
  expect(resolved()).toEqual({
    identityName: "com.example.sample",
    publisher: "CN=Example Ltd",
    version: undefined,
  });
  expect(resolved({}, 'Example, "Best" Ltd').publisher).toBe('CN="Example, ""Best"" Ltd"');
});

test("a whole section is taken as the Store dictates it", () => {
  const msix = {
    identityName: "12345Example.MyApp",
    publisher: "CN=A1B2C3D4-0000-4444-8888-1234567890AB",
    version: "1.2.3.0",
  };
  expect(resolved(msix)).toEqual(msix);
  const publisher = 'CN="Example, Ltd", O="Example, Ltd", L=Łódź, S=CA, C=US, OID.1.3.6.1.4.1.311.60.2.1.3=US';
  expect(resolved({ publisher }).publisher).toBe(publisher);
});

test("each fault is told with what to write instead", () => {
  expect(problems({ identityName: "my app" })).toEqual([
    expect.stringMatching(/identityName is "my app"; it may have letters a-z.* write identityName: "Example\.MyApp"/),
  ]);
  expect(problems({ identityName: "ab" })).toEqual([expect.stringContaining("2 characters and may have 3 to 50")]);
  expect(problems({ identityName: "a".repeat(51) })).toEqual([expect.stringContaining("51 characters")]);
  expect(problems({ identityName: "com1" })).toEqual([expect.stringContaining("the name of a device")]);
  for (const publisher of ["Example Ltd", "CN=", "CN=a,b", "CN=a,O=b", "X=a", "CN=a;O=b"]) {
    expect(problems({ publisher })).toEqual([expect.stringContaining('write publisher: "CN=Example Ltd, O=')]);
  }
  for (const version of ["1.2.3", "1.2.3.65536", "1.2.3.04", "1.2.3.beta", "1.2.3.4.5"]) {
    expect(problems({ version })).toEqual([expect.stringContaining("four numbers up to 65535")]);
  }
  expect(problems({ logo: "x" })).toEqual([expect.stringContaining("logo")]);
});
