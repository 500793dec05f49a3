/** Reads XML property lists (Apple's PropertyList-1.0 DTD). The text is untrusted: size and depth are bounded. */
import { SaxesParser } from "saxes";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";

export type ParsedPlist =
  | string
  | number
  | boolean
  | Uint8Array
  | Date
  | readonly ParsedPlist[]
  | ReadonlyMap<string, ParsedPlist>;

const MAX_BYTES = 64 << 20;
const MAX_DEPTH = 64;

/** An element that is open: what it holds so far. */
interface Open {
  readonly name: string;
  text: string;
  readonly list: ParsedPlist[];
  readonly dict: Map<string, ParsedPlist>;
  key: string | undefined;
}

/**
 * The value of a property list. `what` names it in the message of
 * `PLIST_INVALID`. Dictionaries are maps in the order of the text; a key that
 * comes twice, an unknown element or a real that is no number is refused.
 */
export function parsePlist(bytes: Uint8Array, what: string): ParsedPlist {
  if (bytes.length > MAX_BYTES) throw plistInvalid(what, `it has ${bytes.length} bytes`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw plistInvalid(what, "it is not UTF-8", cause);
  }
  const stack: Open[] = [];
  let result: ParsedPlist | undefined;
  const fail = (why: string): never => {
    throw plistInvalid(what, why);
  };

  const put = (value: ParsedPlist): void => {
    const parent = stack.at(-1) ?? fail("it has a value outside its plist element");
    if (parent.name === "array") parent.list.push(value);
    else if (parent.name === "dict") {
      if (parent.key === undefined) fail("a dictionary has a value without a key");
      else if (parent.dict.has(parent.key)) fail(`its key ${parent.key} comes twice`);
      else parent.dict.set(parent.key, value);
      parent.key = undefined;
    } else if (parent.name !== "plist") fail(`an element ${parent.name} holds another one`);
    else if (result !== undefined) fail("it has more than one value");
    else result = value;
  };

  const close = (open: Open): void => {
    const { name } = open;
    const content = open.text;
    if ((name === "dict" || name === "array" || name === "plist") && content.trim() !== "") {
      fail(`text lies between the elements of ${name}`);
    }
    if (name === "plist") return;
    if (name === "key") {
      const parent = stack.at(-1);
      if (parent?.name !== "dict" || parent.key !== undefined) fail(`the key ${content} is out of place`);
      else parent.key = content;
    } else if (name === "dict") {
      if (open.key !== undefined) fail(`its key ${open.key} has no value`);
      put(open.dict);
    } else if (name === "array") put(open.list);
    else put(scalar(name, content) ?? fail(`it has an element ${name} with "${content.slice(0, 40)}"`));
  };

  const parser = new SaxesParser({ xmlns: false });
  parser.on("opentag", ({ name }) => {
    if (stack.length >= MAX_DEPTH) fail(`it is nested deeper than ${MAX_DEPTH}`);
    if ((stack.length === 0) !== (name === "plist")) fail(`the element ${name} is out of place`);
    stack.push({ name, text: "", list: [], dict: new Map(), key: undefined });
  });
  const addText = (piece: string): void => {
    const open = stack.at(-1);
    if (open !== undefined) open.text += piece;
  };
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("closetag", () => {
    const open = stack.pop();
    if (open !== undefined) close(open);
  });
  parser.on("error", (error) => fail(messageOf(error)));
  parser.write(text).close();
  return result ?? fail("it is empty");
}

/** The value of an element without elements in it; undefined for an unknown one or a wrong text. */
function scalar(name: string, text: string): ParsedPlist | undefined {
  switch (name) {
    case "string":
      return text;
    case "true":
    case "false":
      return text === "" ? name === "true" : undefined;
    case "integer":
      return /^\s*[+-]?\d{1,15}\s*$/.test(text) ? Number(text) : undefined;
    case "real":
      return /^\s*[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?\s*$/.test(text) ? Number(text) : undefined;
    case "data": {
      const compact = text.replaceAll(/\s/g, "");
      return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact)
        ? Buffer.from(compact, "base64")
        : undefined;
    }
    case "date": {
      const date = new Date(text.trim());
      return Number.isNaN(date.getTime()) ? undefined : date;
    }
    default:
      return undefined;
  }
}

function plistInvalid(what: string, why: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "PLIST_INVALID",
    message: `The property list ${what} cannot be read: ${why}.`,
    remedy: `write it as XML (plutil -convert xml1 ${what}), then run the command again`,
    cause,
  });
}
