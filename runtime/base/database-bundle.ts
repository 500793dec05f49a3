/**
 * The shape of the virtual module `erth:database`: the migrations and the
 * seed, embedded in the sidecar at build time by `build/sidecars/bundle.ts`.
 */

export interface Migration {
  /** File name without `.sql`; its leading number orders it: `0001-todos`. */
  readonly name: string;
  /** Hex SHA-256 of `sql` as UTF-8; an applied migration whose digest changed is refused. */
  readonly sha256: string;
  /** The file's text with LF line ends, without a byte-order mark. */
  readonly sql: string;
}

export interface DatabaseBundle {
  /** How many migrations there are: the schema version of the seed. */
  readonly schemaVersion: number;
  readonly migrations: readonly Migration[];
  /** A whole libSQL file on which every migration has run. */
  readonly seed: Uint8Array;
}
