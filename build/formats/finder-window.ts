/**
 * How a folder's window looks in the Finder: icons at their places over a
 * picture, no bars. The records that the Finder of macOS 10.7 and later
 * writes into `.DS_Store` for it: `bwsp` (the window), `icvp` (the icon view),
 * `Iloc` (an icon's place). The picture is named by an alias alone: beside a
 * bookmark (`pBBk`), macOS 26.2 shows none.
 */
import { encodeBinaryPlist } from "./binary-plist.ts";
import { encodeDsStore, type DsStoreRecord } from "./ds-store.ts";

export interface FinderIcon {
  /** In the folder. */
  readonly name: string;
  /** Of the icon's centre, in points from the upper left of the content. */
  readonly x: number;
  readonly y: number;
}

export interface FinderWindow {
  /** Of the content, in points. */
  readonly width: number;
  readonly height: number;
  readonly iconSize: number;
  readonly textSize: number;
  readonly icons: readonly FinderIcon[];
  /** Alias of the background picture; undefined for plain white. */
  readonly background: Uint8Array | undefined;
}

/** The title bar, which counts as part of the window. */
const TITLE_BAR = 28;
const LEFT = 200;
const TOP = 120;
const BACKGROUND = { white: 0n, picture: 2n } as const;

/** The whole `.DS_Store`. */
export function encodeFinderWindow(window: FinderWindow): Buffer {
  const { width, height, iconSize, textSize, icons, background } = window;
  const bwsp = encodeBinaryPlist({
    ContainerShowSidebar: false,
    PreviewPaneVisibility: false,
    ShowPathbar: false,
    ShowSidebar: false,
    ShowStatusBar: false,
    ShowTabView: false,
    ShowToolbar: false,
    SidebarWidth: 0n,
    WindowBounds: `{{${LEFT}, ${TOP}}, {${width}, ${height + TITLE_BAR}}}`,
  });
  const icvp = encodeBinaryPlist({
    arrangeBy: "none",
    backgroundColorBlue: 1,
    backgroundColorGreen: 1,
    backgroundColorRed: 1,
    ...(background === undefined ? {} : { backgroundImageAlias: background }),
    backgroundType: background === undefined ? BACKGROUND.white : BACKGROUND.picture,
    gridOffsetX: 0,
    gridOffsetY: 0,
    gridSpacing: 100,
    iconSize,
    labelOnBottom: true,
    showIconPreview: false,
    showItemInfo: false,
    textSize,
    viewOptionsVersion: 1n,
  });
  const records: DsStoreRecord[] = [
    { name: ".", id: "bwsp", value: { type: "blob", bytes: bwsp } },
    { name: ".", id: "icvl", value: { type: "type", code: "icnv" } },
    { name: ".", id: "icvp", value: { type: "blob", bytes: icvp } },
    { name: ".", id: "vSrn", value: { type: "long", number: 1 } },
    ...icons.map(({ name, x, y }): DsStoreRecord => ({
      name,
      id: "Iloc",
      value: { type: "blob", bytes: place(x, y) },
    })),
  ];
  return encodeDsStore(records);
}

function place(x: number, y: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32BE(x, 0);
  bytes.writeUInt32BE(y, 4);
  // Where in the list, and what the Finder has filled it with: nothing.
  bytes.writeUInt32BE(0xffff_ffff, 8);
  bytes.writeUInt32BE(0xffff_0000, 12);
  return bytes;
}
