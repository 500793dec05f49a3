/** Who an app package says it is: the one `Identity` of its manifest. */
import { SaxesParser } from "saxes";
import { foreign } from "./msix-package.ts";

export interface MsixIdentity {
  readonly name: string;
  readonly publisher: string;
  readonly version: string;
}

/** Throws `MSIX_FOREIGN`. */
export function parseIdentity(manifest: string): MsixIdentity {
  const found: MsixIdentity[] = [];
  const parser = new SaxesParser();
  parser.on("error", (cause) => {
    throw foreign(`its manifest is not well-formed XML (${cause.message})`);
  });
  parser.on("opentag", ({ name, attributes }) => {
    if (name !== "Identity") return;
    const { Name = "", Publisher = "", Version = "" } = attributes;
    found.push({ name: Name, publisher: Publisher, version: Version });
  });
  parser.write(manifest).close();
  const [identity] = found;
  if (identity === undefined || found.length > 1) throw foreign(`its manifest names ${found.length} identities`);
  if (identity.publisher === "") throw foreign("its manifest names no publisher");
  return identity;
}
