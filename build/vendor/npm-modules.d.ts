/** The parts that we use of npm's own modules, which carry no types. */

declare module "pacote" {
  export interface Manifest {
    readonly _resolved?: string;
    readonly _integrity?: string;
  }
  export function manifest(spec: string, options: Readonly<Record<string, unknown>>): Promise<Manifest>;
  /** Knows the address that a tarball URL really has under `replace-registry-host`. */
  export class RemoteFetcher {
    constructor(spec: string, options: Readonly<Record<string, unknown>>);
    readonly resolved: string;
  }
  const pacote: { readonly manifest: typeof manifest; readonly RemoteFetcher: typeof RemoteFetcher };
  export default pacote;
}

declare module "npm-registry-fetch" {
  export interface RegistryResponse {
    readonly status: number;
    readonly headers: { get(name: string): string | null };
    readonly body: AsyncIterable<Buffer> & NodeJS.EventEmitter;
  }
  /** Rejects with an error that has a `statusCode` for any answer of 400 and above. */
  export default function fetch(url: string, options: Readonly<Record<string, unknown>>): Promise<RegistryResponse>;
}

declare module "@npmcli/config" {
  export default class Config {
    constructor(options: {
      readonly npmPath: string;
      readonly definitions: unknown;
      readonly shorthands: unknown;
      readonly flatten: unknown;
      readonly nerfDarts: unknown;
      readonly argv: readonly string[];
      readonly env: Record<string, string | undefined>;
      readonly cwd: string;
      readonly execPath: string;
      readonly warn: boolean;
    });
    load(): Promise<void>;
    readonly flat: Readonly<Record<string, unknown>>;
  }
}

declare module "@npmcli/config/lib/definitions/index.js" {
  const definitions: {
    readonly definitions: unknown;
    readonly shorthands: unknown;
    readonly flatten: unknown;
    readonly nerfDarts: unknown;
  };
  export default definitions;
}
