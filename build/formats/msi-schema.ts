/** The tables that our installers fill, with the columns of Windows Installer's documentation ("Database Tables"). */
import type { Column } from "./msi-database.ts";

const key = (name: string, type: Column["type"] = "s72"): Column => ({ name, type, isKey: true });
const column = (name: string, type: Column["type"]): Column => ({ name, type });

const SEQUENCE: readonly Column[] = [key("Action"), column("Condition", "S255"), column("Sequence", "I2")];

export const MSI_SCHEMA = {
  AdminExecuteSequence: SEQUENCE,
  AdminUISequence: SEQUENCE,
  AdvtExecuteSequence: SEQUENCE,
  AppSearch: [key("Property"), key("Signature_")],
  Component: [
    key("Component"),
    column("ComponentId", "S38"),
    column("Directory_", "s72"),
    column("Attributes", "i2"),
    column("Condition", "S255"),
    column("KeyPath", "S72"),
  ],
  CreateFolder: [key("Directory_"), key("Component_")],
  CustomAction: [key("Action"), column("Type", "i2"), column("Source", "S72"), column("Target", "S255")],
  Directory: [key("Directory"), column("Directory_Parent", "S72"), column("DefaultDir", "l255")],
  Feature: [
    key("Feature", "s38"),
    column("Feature_Parent", "S38"),
    column("Title", "L64"),
    column("Description", "L255"),
    column("Display", "I2"),
    column("Level", "i2"),
    column("Directory_", "S72"),
    column("Attributes", "i2"),
  ],
  FeatureComponents: [key("Feature_", "s38"), key("Component_")],
  File: [
    key("File"),
    column("Component_", "s72"),
    column("FileName", "l255"),
    column("FileSize", "i4"),
    column("Version", "S72"),
    column("Language", "S20"),
    column("Attributes", "I2"),
    column("Sequence", "i2"),
  ],
  Icon: [key("Name"), column("Data", "v0")],
  InstallExecuteSequence: SEQUENCE,
  InstallUISequence: SEQUENCE,
  LaunchCondition: [key("Condition", "s255"), column("Description", "l255")],
  Media: [
    key("DiskId", "i2"),
    column("LastSequence", "i2"),
    column("DiskPrompt", "L64"),
    column("Cabinet", "S255"),
    column("VolumeLabel", "S32"),
    column("Source", "S72"),
  ],
  Property: [key("Property"), column("Value", "l0")],
  RegLocator: [
    key("Signature_"),
    column("Root", "i2"),
    column("Key", "s255"),
    column("Name", "S255"),
    column("Type", "I2"),
  ],
  Registry: [
    key("Registry"),
    column("Root", "i2"),
    column("Key", "l255"),
    column("Name", "L255"),
    column("Value", "L0"),
    column("Component_", "s72"),
  ],
  Shortcut: [
    key("Shortcut"),
    column("Directory_", "s72"),
    column("Name", "l128"),
    column("Component_", "s72"),
    column("Target", "s72"),
    column("Arguments", "S255"),
    column("Description", "L255"),
    column("Hotkey", "I2"),
    column("Icon_", "S72"),
    column("IconIndex", "I2"),
    column("ShowCmd", "I2"),
    column("WkDir", "S72"),
  ],
  Upgrade: [
    key("UpgradeCode", "s38"),
    key("VersionMin", "S20"),
    key("VersionMax", "S20"),
    key("Language", "S255"),
    key("Attributes", "i4"),
    column("Remove", "S255"),
    column("ActionProperty", "s72"),
  ],
} as const satisfies Readonly<Record<string, readonly Column[]>>;

export type MsiTable = keyof typeof MSI_SCHEMA;
