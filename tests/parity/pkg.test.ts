/**
 * Our packages in the eyes of 7-Zip, libarchive (bsdtar, bsdcpio), Python,
 * cksum, relic and rcodesign; signed and stapled too.
 *
 * Not here: Apple's Installer, and `lsbom`; a reader of Boms in Python, written
 * from the open descriptions of the format, stands in for it.
 */
import { execFileSync } from "node:child_process";
import { mkdir, readFile, readdir, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeBom, type BomEntry } from "../../build/formats/bom.ts";
import { withFileRange } from "../../build/formats/byte-range.ts";
import { readPkg } from "../../build/formats/pkg-reader.ts";
import { readXar } from "../../build/formats/xar.ts";
import { attachTicket } from "../../signing/apple/notary/staple.ts";
import { signXar } from "../../signing/apple/xar-signature.ts";
import { appleAuthority } from "../fakes/certificate-authority.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../fakes/timestamp-authority.ts";
import { APP_NAMES, listing, oddTree } from "../support/containers.ts";
import { scratchFolder } from "../support/scratch.ts";
import { PKG_FACTS, smallPkg, smallTree } from "../unit/formats/pkg-tree.ts";
import { findTool, runTool } from "./signing/apple/apple-tools.ts";

const BOM_LIST = fileURLToPath(new URL("bom-list.py", import.meta.url));
const [sevenZip, bsdtar, bsdcpio] = [findTool("7z"), findTool("bsdtar"), findTool("bsdcpio")];
const [python, cksum] = [findTool("python3"), findTool("cksum")];
const [relic, rcodesign] = [findTool("relic"), findTool("rcodesign")];
const COMPONENT = "dev.example.notes.pkg";

let tsa: TimestampAuthority;
beforeAll(async () => void (tsa = await startTimestampAuthority()));
afterAll(() => tsa.close());

/** Takes a package apart with bsdtar and its Payload with bsdcpio; returns the folder. */
async function unpackedBy(path: string): Promise<string> {
  const folder = await scratchFolder();
  await mkdir(join(folder, "root"));
  execFileSync(bsdtar!, ["-xf", path, "-C", folder]);
  const input = await readFile(join(folder, COMPONENT, "Payload"));
  execFileSync(bsdcpio!, ["-id", "--quiet"], { input, cwd: join(folder, "root"), env: { LC_ALL: "C.UTF-8" } });
  return folder;
}

test.skipIf(!sevenZip || !bsdtar || !bsdcpio).for(APP_NAMES)("%j installs as it was staged", async (name) => {
  const root = await scratchFolder();
  await oddTree(root, name === APP_NAMES[0] ? 3000 : 10);
  const path = await smallPkg({ root, facts: { title: name, bundleName: `${name}.app` } });
  expect(execFileSync(sevenZip!, ["t", "-txar", path]).toString()).toContain("Everything is Ok");
  const folder = await unpackedBy(path);
  expect(await readdir(join(folder, "root"))).toEqual([`${name}.app`]);
  const installed = join(folder, "root", `${name}.app`);
  expect(await listing(installed)).toEqual(await listing(root));
  expect(await readFile(join(installed, "émoji 😀/é̈.txt"), "utf8")).toBe("accents");
  expect(await readlink(join(installed, "bin/to text"))).toBe("../émoji 😀/é̈.txt");
});

test.skipIf(!bsdtar || !bsdcpio || !python || !cksum)(
  "the Bom says what Python, cksum and the Payload say",
  async () => {
    const { root } = await smallTree();
    const folder = await unpackedBy(await smallPkg({ root }));
    const lines = execFileSync(python!, [BOM_LIST, join(folder, COMPONENT, "Bom")])
      .toString()
      .trimEnd()
      .split("\n");
    expect(lines).toHaveLength(9);
    const sums = lines.flatMap((line) => {
      const [kind, mode, owner, size, checksum, path, target] = line.split("\t");
      expect(owner).toBe("0/0");
      if (path === ".") return [];
      expect(mode).toMatch({ "1": /^100(644|755)$/, "2": /^40755$/, "3": /^120755$/ }[kind!]!);
      if (kind === "2") return [];
      const input = kind === "3" ? Buffer.from(target!) : readFile(join(folder, "root", path!));
      return [{ path, size, checksum, input }];
    });
    expect(sums).toHaveLength(4);
    for (const { size, checksum, input } of sums) {
      expect(
        execFileSync(cksum!, { input: await input })
          .toString()
          .trim(),
      ).toBe(`${checksum} ${size}`);
    }
  },
);

test.skipIf(!python)("Python reads trees of several levels and sizes beyond 32 bits", async () => {
  const path = join(await scratchFolder(), "Bom");
  const common = { modifiedAt: 315532800, checksum: 7 };
  const folder = { ...common, kind: "folder", mode: 0o040755, bytes: 64 } as const;
  const files = Array.from({ length: 3000 }, (_, at): BomEntry => {
    const bytes = at < 40 ? 4_100_000_000 + at * 10_000_000 : at;
    return { ...common, path: `./a/file ${at} 漢`, kind: "file", mode: 0o100644, bytes };
  });
  await writeFile(path, encodeBom([{ ...folder, path: "." }, { ...folder, path: "./a" }, ...files]));
  const lines = execFileSync(python!, [BOM_LIST, path]).toString().trimEnd().split("\n");
  expect(lines.slice(2).map((line) => line.split("\t").slice(3, 6))).toEqual(
    files.map(({ bytes, path: name }) => [`${bytes}`, "7", name]),
  );
});

test.skipIf(!python)("Distribution and PackageInfo are XML, and say the same of the one component", async () => {
  const facts = { title: `a.b c'd"e & <f>`, bundleName: `a.b c'd"e.app`, domain: "user" } as const;
  const { distribution, components } = await withFileRange(await smallPkg({ facts }), readPkg);
  const folder = await scratchFolder();
  await writeFile(join(folder, "Distribution"), distribution ?? "");
  await writeFile(join(folder, "PackageInfo"), components[0]?.packageInfo ?? "");
  const script = `
import json, sys, xml.etree.ElementTree as E
d, p = E.parse("Distribution").getroot(), E.parse("PackageInfo").getroot()
ref = [r for r in d.findall("pkg-ref") if r.text and r.text.startswith("#")]
assert len(ref) == 1 and ref[0].get("installKBytes") == p.find("payload").get("installKBytes")
ids = {d.find("product").get("id"), p.get("identifier"), ref[0].get("id"), *[c.get("id") for c in d.findall("choice")[1:]]}
print(json.dumps([d.find("title").text, d.find("domains").attrib, sorted(ids), ref[0].text,
  p.find("bundle").get("path"), p.find("payload").get("numberOfFiles"), [s.tag for s in p.find("scripts")]]))`;
  expect(JSON.parse(execFileSync(python!, ["-c", script], { cwd: folder }).toString())).toEqual([
    facts.title,
    { enable_anywhere: "false", enable_currentUserHome: "true", enable_localSystem: "false" },
    [PKG_FACTS.identifier],
    `#${COMPONENT}`,
    `./${facts.bundleName}`,
    "8",
    ["postinstall"],
  ]);
});

test.skipIf(!relic || !rcodesign || !sevenZip)("signed and stapled, relic, rcodesign and 7-Zip verify it", async () => {
  const folder = await scratchFolder();
  const { installer, root } = appleAuthority();
  const [signed, stapled] = [join(folder, "s.pkg"), join(folder, "t.pkg")];
  const unsigned = await smallPkg();
  const signingTime = new Date("2026-06-01T12:00:00Z");
  const timestamp = { url: tsa.url, fetch };
  await signXar({
    path: unsigned,
    output: signed,
    fileName: "s.pkg",
    signer: installer.signer,
    signingTime,
    timestamp,
  });
  await attachTicket(signed, stapled, Buffer.concat([Buffer.from("s8ch"), Buffer.alloc(900, 7)]));
  await writeFile(join(folder, "root.pem"), root.certificatePem);
  await writeFile(join(folder, "time.pem"), tsa.identity.chainPem);
  const verified = runTool(relic, ["verify", "--cert", "root.pem", "--cert", "time.pem", "s.pkg", "t.pkg"], folder);
  expect(verified.output).toContain("s.pkg: OK");
  expect(verified.output).toContain("t.pkg: OK - [HasNotaryTicket]");
  expect(verified.status).toBe(0);
  const facts = runTool(rcodesign, ["print-signature-info", "t.pkg"], folder).output;
  expect(facts).toContain("checksum_verifies: true");
  expect(facts).toContain("cms_signature_verifies: true");
  expect(runTool(sevenZip, ["t", "-txar", "t.pkg"], folder).output).toContain("Everything is Ok");
  const [before, after] = [await withFileRange(unsigned, readPkg), await withFileRange(stapled, readPkg)];
  expect(after).toEqual(before);
  expect((await withFileRange(stapled, readXar)).toc.signatures.map(({ style }) => style)).toEqual(["RSA", "CMS"]);
});
