import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { explainPe } from "../../../../signing/windows/explain-pe.ts";
import { authority, workplace } from "../../../unit/signing/windows/signing.ts";
import { smallPe } from "../../../unit/signing/windows/small-pe.ts";

// Without a timestamp: its nonce is random.
test.each([
  [
    "exe",
    smallPe({
      resources: [{ type: 10, id: "NODE_SEA_BLOB", bytes: Buffer.alloc(300, 1) }],
      overlay: Buffer.alloc(77, 2),
    }),
  ],
  ["dll-32", smallPe({ format: "PE32", isDll: true })],
])("signed and nested: %s", async (name, program) => {
  const { sign, output } = await workplace(program);
  await sign({ description: "Notes ☂", url: "https://erth.dev/notes" });
  await sign({ input: output, signer: authority.p256.signer, append: true });
  const sha256 = createHash("sha256")
    .update(await readFile(output))
    .digest("hex");
  const text = `${await explainPe(output)}sha256 ${sha256}\n`;
  await expect(text).toMatchFileSnapshot(`explain-pe/${name}.txt`);
});
