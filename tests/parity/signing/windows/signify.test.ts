/** `signify`, written by people who look for malware, verifies what we sign, and not what was changed. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { authority, workplace } from "../../../unit/signing/windows/signing.ts";
import { smallPe } from "../../../unit/signing/windows/small-pe.ts";
import { hasSignify, run, SIGNIFY_PYTHON } from "./tools.ts";

const SCRIPT = fileURLToPath(new URL("signify-verify.py", import.meta.url));

test.skipIf(!hasSignify)("signify verifies RSA and nested signatures, and finds a changed byte", async () => {
  const { sign, output, folder } = await workplace(smallPe({ overlay: Buffer.alloc(123, "payload") }));
  await sign({ description: "Notes" });
  const nested = join(folder, "nested.exe");
  await sign({ input: output, output: nested, append: true, signer: authority.extendedValidation.signer });
  const root = join(folder, "root.der");
  await writeFile(root, authority.root.der);
  const file = await readFile(output);
  file[1200] = 1;
  const changed = join(folder, "changed.exe");
  await writeFile(changed, file);
  const { text } = await run(SIGNIFY_PYTHON, [SCRIPT, root, output, nested, changed]);
  expect(text.split("\n").map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
    "OK 1",
    "OK 2",
    "INVALID_DIGEST 1",
    "",
  ]);
});
