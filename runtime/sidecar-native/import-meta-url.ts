/** `import.meta.url` for a CommonJS bundle, where `import.meta` is empty; the build puts it in where it is used. */
import { pathToFileURL } from "node:url";

export const erthImportMetaUrl: string = pathToFileURL(__filename).href;
