/** Reads an untrusted Bom: every block bounded, every tree without loops, every path put together from its parents. */
import { ErthError } from "../../runtime/base/errors.ts";
import { BOM_KINDS, BOM_MAGIC, BOM_VERSION, type BomEntry, type BomKind } from "./bom.ts";
import { type BoundedView, boundedView } from "./bounded-view.ts";

const MAX_BYTES = 256 << 20;
const MAX_PAIRS = 1 << 20;
const MAX_DEPTH = 400;
const MAX_NAME_BYTES = 1024;
/** Of all paths together: a few folders with long names, nested, would make gigabytes of them. */
const MAX_PATH_CHARACTERS = 64 << 20;
const POINTER_BYTES = 8;
const NODE_HEADER_BYTES = 12;

/** The entries, in the order of their numbers. Throws `BOM_DAMAGED`. */
export function parseBom(bytes: Uint8Array): readonly BomEntry[] {
  if (bytes.length > MAX_BYTES) throw bomDamaged(`it has ${bytes.length} bytes`);
  const store = openStore(bytes);
  const sizes = new Map<number, number>();
  for (const { value, key } of treePairs(store, "Size64")) {
    sizes.set(store.block(key).u32(0, "a large file's block"), store.block(value).u64(0, "a large file's size"));
  }
  const found = treePairs(store, "Paths").map(({ value, key }) => {
    const [info, place] = [store.block(value), store.block(key)];
    const metadata = info.u32(4, "a path's block");
    if (place.length > MAX_NAME_BYTES) throw bomDamaged(`a path's name has ${place.length} bytes`);
    return {
      id: info.u32(0, "a path's number"),
      parent: place.u32(0, "a path's parent"),
      name: place.cString(4, "a path's name"),
      facts: parsePathInfo(store.block(metadata), sizes.get(metadata)),
    };
  });
  const byId = new Map(found.map((one) => [one.id, one]));
  if (byId.size !== found.length) throw bomDamaged("two of its paths have the same number");
  let characters = 0;
  const pathOf = (id: number, depth: number): string => {
    const one = byId.get(id);
    if (one === undefined || depth > MAX_DEPTH) throw bomDamaged(`path ${id} has no root`);
    if ((characters += one.name.length) > MAX_PATH_CHARACTERS) throw bomDamaged("its paths are too long");
    return one.parent === 0 ? one.name : `${pathOf(one.parent, depth + 1)}/${one.name}`;
  };
  return found.sort((a, b) => a.id - b.id).map(({ id, facts }) => ({ path: pathOf(id, 0), ...facts }));
}

function parsePathInfo(record: BoundedView, largeBytes: number | undefined): Omit<BomEntry, "path"> {
  const what = "a path's record";
  const number = record.u8(0, what);
  const kind = (Object.keys(BOM_KINDS) as BomKind[]).find((name) => BOM_KINDS[name] === number);
  if (kind === undefined) throw bomDamaged(`a path is of kind ${number}`);
  return {
    kind,
    mode: record.u32(2, what) & 0xffff,
    modifiedAt: record.u32(14, what),
    bytes: largeBytes ?? record.u32(18, what),
    checksum: record.u32(23, what),
    ...(kind === "link" ? { link: record.cString(31, "a link's target") } : {}),
  };
}

interface Store {
  block(number: number): BoundedView;
  named(name: string): number;
}

function openStore(bytes: Uint8Array): Store {
  const view = boundedView(bytes, "big", bomDamaged);
  const magic = Buffer.from(view.bytes(0, BOM_MAGIC.length, "its header")).toString("latin1");
  if (magic !== BOM_MAGIC || view.u32(8, "its header") !== BOM_VERSION)
    throw bomDamaged("it does not begin as a Bom does");
  const [indexOffset, namesOffset] = [view.u32(16, "its header"), view.u32(24, "its header")];
  const count = view.u32(indexOffset, "its index");
  view.bytes(indexOffset + 4, count * POINTER_BYTES, "its index");
  const names = new Map<string, number>();
  let at = namesOffset + 4;
  for (let left = view.u32(namesOffset, "its names"); left > 0; left -= 1) {
    const length = view.u8(at + 4, "its names");
    names.set(Buffer.from(view.bytes(at + 5, length, "its names")).toString("latin1"), view.u32(at, "its names"));
    at += 5 + length;
  }
  return {
    block(number) {
      if (number === 0 || number >= count) throw bomDamaged(`it has no block ${number}`);
      const pointer = indexOffset + 4 + number * POINTER_BYTES;
      const [offset, length] = [view.u32(pointer, "its index"), view.u32(pointer + 4, "its index")];
      return boundedView(view.bytes(offset, length, `block ${number}`), "big", bomDamaged);
    },
    named(name) {
      const number = names.get(name);
      if (number === undefined) throw bomDamaged(`it has no ${name}`);
      return number;
    },
  };
}

interface TreePair {
  readonly value: number;
  readonly key: number;
}

/** The pairs of a named tree: down to its first leaf, then from leaf to leaf. */
function treePairs(store: Store, name: string): readonly TreePair[] {
  const head = store.block(store.named(name));
  if (Buffer.from(head.bytes(0, 4, name)).toString("latin1") !== "tree") throw bomDamaged(`${name} is no tree`);
  const pairs: TreePair[] = [];
  const visited = new Set<number>();
  let isDown = false;
  let number = head.u32(8, name);
  while (number !== 0) {
    if (visited.has(number)) throw bomDamaged(`${name} goes round in circles`);
    visited.add(number);
    const node = store.block(number);
    const kindAndCount = node.u32(0, name);
    const [isLeaf, count] = [kindAndCount >>> 16 !== 0, kindAndCount & 0xffff];
    if (isLeaf) isDown = true;
    else if (isDown || count === 0) throw bomDamaged(`${name} has a node where a leaf belongs`);
    else {
      number = node.u32(NODE_HEADER_BYTES, name);
      continue;
    }
    if (pairs.length + count > MAX_PAIRS) throw bomDamaged(`${name} has more than ${MAX_PAIRS} entries`);
    for (let at = 0; at < count; at += 1) {
      const place = NODE_HEADER_BYTES + at * POINTER_BYTES;
      pairs.push({ value: node.u32(place, name), key: node.u32(place + 4, name) });
    }
    number = node.u32(4, name);
  }
  return pairs;
}

function bomDamaged(what: string): ErthError {
  return new ErthError({
    code: "BOM_DAMAGED",
    message: `the package's list of files (Bom) is damaged: ${what}.`,
    remedy: "make the package again: erth package",
  });
}
