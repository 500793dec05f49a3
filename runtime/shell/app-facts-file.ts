/** Reads `app.json`, which `build/stages/assemble-app.ts` wrote, and trusts nothing in it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AppFacts, SidecarFacts, WindowFacts } from "../base/app-facts.ts";
import { ErthError, messageOf } from "../base/errors.ts";

/** The facts in `<folder>/app.json`. Throws `APP_FACTS` naming the first field that is not as it should be. */
export function readAppFacts(folder: string): AppFacts {
  const file = join(folder, "app.json");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw broken(file, messageOf(cause), cause);
  }
  return parseAppFacts(text, file);
}

/** The facts in the text of an `app.json`; `file` is for the message only. */
export function parseAppFacts(text: string, file = "app.json"): AppFacts {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    throw broken(file, "it is not JSON", cause);
  }
  const read = new Fields(file, "", root);
  if (read.value("v") !== 1) throw broken(file, `v is ${JSON.stringify(read.value("v"))}, expected 1`);
  const shell = read.text("shell");
  if (shell !== "electrobun" && shell !== "webview") throw broken(file, `shell is ${JSON.stringify(shell)}`);
  const identifier = read.text("identifier");
  // It names folders, so it may not lead out of them.
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(identifier))
    throw broken(file, `identifier is ${JSON.stringify(identifier)}`);
  return {
    v: 1,
    name: read.text("name"),
    slug: read.text("slug"),
    identifier,
    version: read.text("version"),
    shell,
    window: windowFacts(read.inside("window")),
    sidecar: sidecarFacts(read.inside("sidecar"), file),
  };
}

function windowFacts(read: Fields): WindowFacts {
  return {
    title: read.text("title"),
    width: read.size("width"),
    height: read.size("height"),
    minWidth: read.size("minWidth"),
    minHeight: read.size("minHeight"),
  };
}

function sidecarFacts(read: Fields, file: string): SidecarFacts {
  const kind = read.value("kind");
  if (kind === "pkg") return { kind, executable: read.text("executable") };
  if (kind === "bun") return { kind, script: read.text("script") };
  throw broken(file, `sidecar.kind is ${JSON.stringify(kind)}`);
}

/** The fields of one JSON object, read with their path for the message. */
class Fields {
  readonly #file: string;
  readonly #path: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(file: string, path: string, value: unknown) {
    if (typeof value !== "object" || value === null) throw broken(file, `${path || "it"} is not an object`);
    this.#file = file;
    this.#path = path === "" ? "" : `${path}.`;
    this.#fields = { ...value };
  }

  value(name: string): unknown {
    return this.#fields[name];
  }

  inside(name: string): Fields {
    return new Fields(this.#file, `${this.#path}${name}`, this.#fields[name]);
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value === "string" && value !== "" && !value.includes("\0")) return value;
    throw broken(this.#file, `${this.#path}${name} is ${JSON.stringify(value)}, expected text`);
  }

  size(name: string): number {
    const value = this.#fields[name];
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 32_767) return value;
    throw broken(this.#file, `${this.#path}${name} is ${JSON.stringify(value)}, expected pixels`);
  }
}

function broken(file: string, reason: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "APP_FACTS",
    message: `${file} does not describe this app: ${reason}.`,
    remedy: "unpack or install the app again",
    cause,
  });
}
