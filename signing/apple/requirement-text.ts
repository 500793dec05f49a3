/** Requirements in Apple's requirement language, spelled and spaced as `codesign -d -r-` prints them. */
import type { Match, Requirement } from "./requirement-parse.ts";

/** How tightly the text around an expression binds; a looser expression gets parentheses. */
type Level = "primary" | "and" | "or";
const LEVELS: readonly Level[] = ["primary", "and", "or"];

/** The text of a requirement. */
export function renderRequirement(requirement: Requirement): string {
  return render(requirement, "or");
}

/** The requirement text of ad-hoc code: one cdhash (hex) for each CodeDirectory of each slice. */
export function renderCdHashRequirement(cdHashes: readonly string[]): string {
  return cdHashes.map((cdHash) => `cdhash H"${cdHash}"`).join(" or ");
}

function render(requirement: Requirement, around: Level): string {
  const nested = (level: Level, text: string): string =>
    LEVELS.indexOf(level) > LEVELS.indexOf(around) ? `(${text})` : text;
  switch (requirement.op) {
    case "always":
    case "never":
    case "notarized":
      return requirement.op;
    case "anchorApple":
      return "anchor apple";
    case "anchorAppleGeneric":
      return "anchor apple generic";
    case "anchorTrusted":
      return "anchor trusted";
    case "legacyDeveloperId":
      return "legacy";
    case "identifier":
      return `identifier ${word(requirement.identifier)}`;
    case "anchorHash":
      return `certificate ${slotName(requirement.slot)} = ${hexLiteral(requirement.sha1)}`;
    case "cdHash":
      return `cdhash ${hexLiteral(requirement.cdHash)}`;
    case "and":
      return nested("and", `${render(requirement.left, "and")} and ${render(requirement.right, "and")}`);
    case "or":
      return nested("or", `${render(requirement.left, "or")} or ${render(requirement.right, "or")}`);
    case "not":
      return `! ${render(requirement.of, "primary")}`;
    case "infoField":
      return `info[${dottedWord(requirement.key)}]${renderMatch(requirement.match)}`;
    case "entitlement":
      return `entitlement[${dottedWord(requirement.key)}]${renderMatch(requirement.match)}`;
    case "certificateField":
      return `${certificate(requirement.slot, dottedWord(requirement.field))}${renderMatch(requirement.match)}`;
    case "certificateExtension":
      return `${certificate(requirement.slot, `field.${requirement.oid}`)}${renderMatch(requirement.match)}`;
    case "certificatePolicy":
      return `${certificate(requirement.slot, `policy.${requirement.oid}`)}${renderMatch(requirement.match)}`;
    case "certificateDate":
      return `${certificate(requirement.slot, `timestamp.${requirement.oid}`)}${renderMatch(requirement.match)}`;
    case "certificateTrusted":
      return `certificate ${slotName(requirement.slot)} trusted`;
    case "namedAnchor":
      return `anchor apple ${word(requirement.name)}`;
    case "namedCode":
      return `(${word(requirement.name)})`;
    default:
      return `platform = ${requirement.platform}`;
  }
}

function certificate(slot: number, field: string): string {
  return `certificate ${slotName(slot)}[${field}]`;
}

function slotName(slot: number): string {
  if (slot === 0) return "leaf";
  return slot === -1 ? "root" : String(slot);
}

const OPERATORS = {
  equal: ["= ", ""],
  contains: ["= *", "*"],
  beginsWith: ["= ", "*"],
  endsWith: ["= *", ""],
  less: ["< ", ""],
  greater: ["> ", ""],
  lessEqual: ["<= ", ""],
  greaterEqual: [">= ", ""],
} as const;
const TIME_OPERATORS = { on: "=", before: "<", after: ">", onOrBefore: "<=", onOrAfter: ">=" } as const;
/** Times count seconds from the beginning of 2001. */
const REFERENCE_TIME_S = 978_307_200;

function renderMatch(match: Match): string {
  switch (match.op) {
    case "exists":
      return " /* exists */";
    case "absent":
      return " absent ";
    case "on":
    case "before":
    case "after":
    case "onOrBefore":
    case "onOrAfter": {
      const date = new Date((Number(match.time) + REFERENCE_TIME_S) * 1000);
      const text = Number.isNaN(date.getTime()) ? String(match.time) : date.toISOString();
      return ` ${TIME_OPERATORS[match.op]} timestamp "${text}"`;
    }
    default: {
      const [before, after] = OPERATORS[match.op];
      return ` ${before}${word(match.value)}${after}`;
    }
  }
}

function word(bytes: Uint8Array): string {
  return quoted(bytes, /^[A-Za-z][A-Za-z0-9]*$/);
}

function dottedWord(bytes: Uint8Array): string {
  return quoted(bytes, /^[A-Za-z][A-Za-z0-9.]*$/);
}

/** A plain word stands bare, printable text in quotes, anything else as hex digits. */
function quoted(bytes: Uint8Array, plain: RegExp): string {
  const text = Buffer.from(bytes).toString("latin1");
  if (plain.test(text)) return text;
  if (/^[\x20-\x7e]+$/.test(text)) return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

function hexLiteral(bytes: Uint8Array): string {
  return `H"${Buffer.from(bytes).toString("hex")}"`;
}
