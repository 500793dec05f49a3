/** What a single value of the config must be: each rule gives the reason and the fix, or undefined. Pure. */
import { isReservedOnWindows } from "./slug.ts";

interface Refusal {
  /** Continues the sentence "app.name is …; ". */
  readonly reason: string;
  /** What to do instead. */
  readonly fix: string;
  /** A value that may be a secret in the wrong place: it is not shown. */
  readonly isPrivate?: true;
}

export type Rule = (value: string) => Refusal | undefined;

const MAX_NAME_CHARACTERS = 80;
/** A file name may have 255 bytes on every OS; the name also gets suffixes such as ` Setup.exe`. */
const MAX_NAME_BYTES = 240;
/** The length of an Application User Model ID, the shortest limit of the three platforms. */
const MAX_IDENTIFIER_CHARACTERS = 128;
/** Each part of a Windows file version is 16 bits wide (VS_FIXEDFILEINFO). */
const MAX_VERSION_PART = 65_535;

/** A display name: any script, any emoji; nothing that a file system or a title bar cannot hold. */
export const nameRule: Rule = (name) => {
  if (name === "") return { reason: "it must not be empty", fix: 'write name: "My App"' };
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name)) {
    return { reason: "it has a control character", fix: "remove line breaks, tabs and other control characters" };
  }
  if (/\p{Cs}/u.test(name)) return { reason: "it has half of a surrogate pair", fix: "type the character again" };
  if (/[\u202a-\u202e\u2066-\u2069]/u.test(name)) {
    return { reason: "it has a character that reverses the text around it", fix: "remove the bidirectional controls" };
  }
  if (/[/\\]/.test(name)) return { reason: "it has a slash, which separates folders", fix: "leave the slash out" };
  if (/^[\s.]|[\s.]$/u.test(name)) {
    return {
      reason: "it starts or ends with a space or a dot, which Windows and macOS drop or hide",
      fix: `write name: ${JSON.stringify(name.replace(/^[\s.]+|[\s.]+$/gu, "") || "My App")}`,
    };
  }
  // Code points: what a keyboard enters is nearer to them than to UTF-16 units.
  const characters = Array.from(name).length;
  if (characters > MAX_NAME_CHARACTERS) {
    return {
      reason: `it has ${characters} characters and may have ${MAX_NAME_CHARACTERS}`,
      fix: "shorten it; a long text belongs in app.description",
    };
  }
  const bytes = Buffer.byteLength(name);
  if (bytes > MAX_NAME_BYTES) {
    return { reason: `it has ${bytes} bytes in UTF-8 and may have ${MAX_NAME_BYTES}`, fix: "shorten it" };
  }
  return undefined;
};

/** Reverse DNS, as CFBundleIdentifier takes it: letters, digits, hyphens and dots. */
export const identifierRule: Rule = (identifier) => {
  const parts = identifier.split(".");
  const suggestion = parts.map((part) => part.replace(/[^A-Za-z0-9-]/g, "")).filter(Boolean);
  const fix = `write identifier: ${JSON.stringify(suggestion.length > 1 ? suggestion.join(".") : "com.example.app")}`;
  if (/[^A-Za-z0-9.-]/.test(identifier)) {
    return { reason: "only letters a-z, digits, hyphens and dots are valid in a bundle identifier", fix };
  }
  if (parts.length < 2 || parts.includes("")) {
    return { reason: "it must be reverse DNS: two or more parts with one dot between them", fix };
  }
  if (!/^[A-Za-z]/.test(identifier)) {
    return { reason: "it must start with a letter", fix: 'write identifier: "com.example.app"' };
  }
  if (identifier.length > MAX_IDENTIFIER_CHARACTERS) {
    return {
      reason: `it has ${identifier.length} characters and may have ${MAX_IDENTIFIER_CHARACTERS}`,
      fix: "shorten it",
    };
  }
  if (isReservedOnWindows(identifier)) {
    return {
      reason: "it names the data folder, and Windows takes it for a device",
      fix: `write identifier: "com.${identifier}"`,
    };
  }
  return undefined;
};

/** The grammar of semver.org 2.0.0, without build metadata. */
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*)?$/;

const MAX_VERSION_CHARACTERS = 64;

/** A semantic version, prereleases included, whose numbers fit the four fields of a Windows file version. */
export const versionRule: Rule = (version) => {
  if (version.length > MAX_VERSION_CHARACTERS) {
    return { reason: `it may have ${MAX_VERSION_CHARACTERS} characters`, fix: 'write version: "1.0.0"' };
  }
  if (version.includes("+")) {
    return {
      reason: "build metadata does not count when versions are compared, so no update would see it",
      fix: `write version: ${JSON.stringify(version.split("+")[0] || "1.0.0")}`,
    };
  }
  const match = SEMVER.exec(version);
  if (!match) {
    const [, ...numbers] = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?$/.exec(version.trim()) ?? [];
    const suggestion = numbers.length > 0 ? numbers.map((number) => Number(number ?? "0")).join(".") : "1.0.0";
    return {
      reason: "it must be a semantic version: three numbers, and a prerelease after a hyphen if you like",
      fix: `write version: "${suggestion}"`,
    };
  }
  const tooLarge = match.slice(1, 4).find((part) => Number(part) > MAX_VERSION_PART);
  if (tooLarge !== undefined) {
    return {
      reason: `${tooLarge} does not fit into a Windows file version, whose numbers end at ${MAX_VERSION_PART}`,
      fix: 'write version: "1.0.0", with smaller numbers',
    };
  }
  return undefined;
};

/** A base URL for downloads, without credentials. */
export const mirrorRule: Rule = (mirror) => {
  const fix = 'write mirror: "https://mirror.example.com/erth"';
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) return { reason: "it must be an http or https address", fix };
  if (url.username !== "" || url.password !== "") {
    return { reason: "it carries credentials, and a config is no place for them", fix };
  }
  if (url.search !== "" || url.hash !== "") {
    return { reason: "paths are appended to it, so it cannot have a query or a fragment", fix };
  }
  return undefined;
};

/** One line of text for people: a publisher, a window title. */
export const lineRule: Rule = (text) => {
  if (text.trim() === "") return { reason: "it must not be empty", fix: "write some text" };
  if (/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(text)) {
    return { reason: "it has a control character", fix: "remove line breaks, tabs and other control characters" };
  }
  return text.length > 200
    ? { reason: `it has ${text.length} characters and may have 200`, fix: "shorten it" }
    : undefined;
};

/** A path in the config: relative to the config file, "/" separated, or absolute. */
export const pathRule: Rule = (path) => {
  if (path.trim() === "") return { reason: "it must not be empty", fix: "write a path, relative to the config file" };
  return path.includes("\0") ? { reason: "it has a NUL character", fix: "remove it" } : undefined;
};
