/** A square picture in the two forms that icon containers want. */
export interface Picture {
  /** Pixels a side. */
  readonly size: number;
  /** A whole PNG file. */
  readonly png: Uint8Array;
  /** Straight (not premultiplied) RGBA, 8 bits each, top row first. */
  readonly rgba: Uint8Array;
}
