/** What a package is made of, decoded: a change shows what moved, and the digest that anything did. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parseBom } from "../../../build/formats/bom-reader.ts";
import { rangeOfBytes } from "../../../build/formats/byte-range.ts";
import { readPkg } from "../../../build/formats/pkg-reader.ts";
import { readXar } from "../../../build/formats/xar.ts";
import { readXarFile } from "../../../build/formats/xar-data.ts";
import { smallPkg } from "../../unit/formats/pkg-tree.ts";

test("a package for one user or all, with scripts", async () => {
  const bytes = await readFile(await smallPkg({ facts: { domain: "any", hostArchitectures: ["x86_64"] } }));
  const range = rangeOfBytes(bytes);
  const archive = await readXar(range);
  const { distribution, components } = await readPkg(range);
  const [component] = components;
  const bom = archive.toc.files.find(({ path }) => path.endsWith("/Bom"));
  const list = parseBom(Buffer.concat(await Array.fromAsync(readXarFile(range, archive, bom!))));
  const lines = [
    ...archive.toc.files.map(({ path, data }) => `xar ${path}${data ? ` ${data.size} ${data.encoding}` : ""}`),
    "",
    ...list.map(({ path, kind, mode, bytes: size, checksum, link = "" }) =>
      `bom ${kind} ${mode.toString(8)} ${size} ${checksum} ${path} ${link}`.trim(),
    ),
    "",
    ...(component?.entries ?? []).map(({ path, kind, mode, bytes: size, link = "" }) =>
      `cpio ${kind} ${mode.toString(8)} ${size} ${path} ${link}`.trim(),
    ),
    "",
    component?.packageInfo,
    distribution,
    `sha256 ${createHash("sha256").update(bytes).digest("hex")}`,
    "",
  ];
  await expect(lines.join("\n")).toMatchFileSnapshot("pkg.txt");
});
