import { expect, test } from "vitest";
import { bundleWeights } from "../../../build/sidecars/bundle-weights.ts";

const input = (bytesInOutput: number) => ({ bytesInOutput });

test("bytes go to packages, scoped and nested ones too, to folders of the app and to the runtime", () => {
  const weights = bundleWeights({
    inputs: {},
    outputs: {
      "main.js": {
        bytes: 1000,
        imports: [],
        exports: [],
        inputs: {
          "../node_modules/hono/dist/a.js": input(100),
          "../node_modules/hono/dist/b.js": input(50),
          "../node_modules/@libsql/client/lib/c.js": input(200),
          "../node_modules/a/node_modules/@b/c/index.js": input(5),
          "ui/page.tsx": input(300),
          "ui/vendor/htmx.min.js": input(40),
          "sidecar/main.ts": input(60),
          "main.ts": input(1),
          "../runtime/sidecar/serve.ts": input(80),
          "erth-database:database": input(20),
        },
      },
    },
  });
  expect(weights).toEqual({
    "@b/c": 5,
    "@libsql/client": 200,
    app: 1,
    "app/sidecar": 60,
    "app/ui": 340,
    "erth runtime": 80,
    "erth-database": 20,
    glue: 144,
    hono: 150,
  });
});
