/** A zip: its structure and checksums, then every app and every program in it. */
import { join } from "node:path";
import type { ScannedZip } from "../../build/formats/zip-scan.ts";
import type { Inspector } from "./session.ts";
import type { Verification } from "./verification.ts";
import { unpackCode } from "./unpack-code.ts";

export const zip: Inspector = {
  kind: "zip",
  async verify(path, session) {
    const { scanned, problems, folder, found } = await unpackCode(path, session);
    const contents: Verification[] = [];
    for (const name of found) contents.push(await session.verifyInner(join(folder, name), name));
    return { problems, contents, facts: factsOf(scanned) };
  },
  async explain(path, session) {
    const { scanned, problems, folder, found } = await unpackCode(path, session);
    const lines = scanned.members.map(({ kind, name, mode, bytes, compressedBytes, method }) => {
      const stored = method === 0 ? "stored" : `deflated to ${compressedBytes}`;
      return `${kind} ${mode.toString(8).padStart(3, "0")} ${JSON.stringify(name)}: ${bytes} bytes, ${stored}`;
    });
    for (const name of found) {
      const inner = await session.explainInner(join(folder, name));
      lines.push(
        `in ${JSON.stringify(name)}:`,
        ...inner
          .trimEnd()
          .split("\n")
          .map((line) => `  ${line}`),
      );
    }
    lines.push(...problems.map(({ code, message }) => `problem ${code}: ${message}`));
    return lines.map((line) => `${line}\n`).join("");
  },
};

function factsOf({ members }: ScannedZip): Readonly<Record<string, string>> {
  const bytes = members.reduce((sum, member) => sum + member.bytes, 0);
  return { entries: String(members.length), unpacked: `${bytes} bytes` };
}
