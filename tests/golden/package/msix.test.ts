/** What an app package of Windows is made of: a change shows what moved, and the digest that anything did. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { withFileRange } from "../../../build/formats/byte-range.ts";
import { readZipData } from "../../../build/formats/zip-data.ts";
import { readZipDirectory } from "../../../build/formats/zip-directory.ts";
import { smallMsix } from "../../unit/formats/msix-tree.ts";

const DOCUMENTS = ["AppxManifest.xml", "AppxBlockMap.xml", "[Content_Types].xml"];

test("an app package with a protocol and a file type", async () => {
  const facts = { protocols: ["my-app"], fileTypes: [{ extension: ".note", description: "Notes & more" }] };
  const path = await smallMsix({ facts });
  const records = await readZipDirectory(path);
  const documents = await withFileRange(path, async (range) => {
    const texts: string[] = [];
    for (const name of DOCUMENTS) {
      const record = records.find((one) => one.name === name);
      const content = Buffer.concat(await Array.fromAsync(readZipData(range, record!)));
      texts.push(`=== ${name}`, content.toString());
    }
    return texts;
  });
  const lines = [
    ...records.map(({ name, method, bytes }) => `zip ${method === 0 ? "stored" : "deflated"} ${bytes} ${name}`),
    ...documents,
    `sha256 ${createHash("sha256")
      .update(await readFile(path))
      .digest("hex")}`,
    "",
  ];
  await expect(lines.join("\n")).toMatchFileSnapshot("msix.txt");
});
