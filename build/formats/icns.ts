/**
 * Apple's icon container, as `iconutil` of macOS 14 writes it: a list of
 * pictures with four-letter types, big-endian. The small ones are run-length
 * encoded ARGB, because some systems draw PNG in `ic04` and `ic05` scrambled.
 */
import type { Picture } from "./picture.ts";

/** Type → pixels a side. `ic11` to `ic14` and `ic10` are for displays of double density. */
const TYPES = [
  { type: "ic04", size: 16, form: "argb" },
  { type: "ic11", size: 32, form: "png" },
  { type: "ic05", size: 32, form: "argb" },
  { type: "ic12", size: 64, form: "png" },
  { type: "ic07", size: 128, form: "png" },
  { type: "ic13", size: 256, form: "png" },
  { type: "ic08", size: 256, form: "png" },
  { type: "ic14", size: 512, form: "png" },
  { type: "ic09", size: 512, form: "png" },
  { type: "ic10", size: 1024, form: "png" },
] as const;

/** The sizes that a full container is made of. */
export const ICNS_SIZES: readonly number[] = [...new Set(TYPES.map(({ size }) => size))];

/** The container of these pictures; types whose size is not among them are left out. */
export function encodeIcns(pictures: readonly Picture[]): Uint8Array {
  const entries = TYPES.flatMap(({ type, size, form }) => {
    const picture = pictures.find((candidate) => candidate.size === size);
    return picture === undefined ? [] : [block(type, form === "png" ? picture.png : encodeArgb(picture))];
  });
  return block("icns", Buffer.concat(entries));
}

/** Four-letter type, length with these eight bytes, body. */
function block(type: string, body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(8);
  head.write(type, "latin1");
  head.writeUInt32BE(8 + body.length, 4);
  return Buffer.concat([head, body]);
}

function encodeArgb({ size, rgba }: Picture): Uint8Array {
  const channel = (index: number): Uint8Array =>
    Uint8Array.from({ length: size * size }, (_, at) => rgba[at * 4 + index] ?? 0);
  return Buffer.concat([Buffer.from("ARGB", "latin1"), ...[3, 0, 1, 2].map((index) => packRuns(channel(index)))]);
}

const MIN_RUN = 3;
const MAX_RUN = 130;
const MAX_LITERAL = 128;

/** Runs of 3 to 130 equal bytes as (125 + length, byte); anything else as (length - 1, bytes). */
function packRuns(bytes: Uint8Array): Uint8Array {
  const packed: number[] = [];
  let literal: number[] = [];
  const flush = (): void => {
    if (literal.length > 0) packed.push(literal.length - 1, ...literal);
    literal = [];
  };
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at] ?? 0;
    let run = 1;
    while (run < MAX_RUN && bytes[at + run] === byte) run++;
    if (run >= MIN_RUN) {
      flush();
      packed.push(125 + run, byte);
      at += run;
    } else {
      literal.push(byte);
      if (literal.length === MAX_LITERAL) flush();
      at++;
    }
  }
  flush();
  return Uint8Array.from(packed);
}
