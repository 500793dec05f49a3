import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readIcns, readIco } from "../../unit/formats/icon-readers.ts";
import { iconFixture, makeIcons } from "../../unit/stages/made-icons.ts";

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

/** What is in the containers, so that a change shows what moved. */
function dump(folder: string): string {
  const lines = readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const bytes = readFileSync(join(folder, name));
      const inside = name.endsWith(".icns")
        ? readIcns(bytes).map(({ type, body }) => `  ${type} ${body.length} ${digest(body)}`)
        : name.endsWith(".ico")
          ? readIco(bytes).map(
              ({ width, bitsPerPixel, body }) => `  ${width} ${bitsPerPixel} bits ${body.length} ${digest(body)}`,
            )
          : [];
      return [`${name} ${bytes.length} ${digest(bytes)}`, ...inside];
    });
  return `${lines.join("\n")}\n`;
}

test.each(["drawing.svg", "rgba8.png"])("%s gives these bytes on every host", async (name) => {
  const { folder } = await makeIcons(iconFixture(name));
  await expect(dump(folder)).toMatchFileSnapshot(`${name}.txt`);
});
