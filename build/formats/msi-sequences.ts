/** The order of actions: the numbers that the documentation suggests ("Using a Sequence Table"). */
import type { Cell } from "./msi-database.ts";
import type { MsiTable } from "./msi-schema.ts";

const COSTING: Readonly<Record<string, number>> = { CostInitialize: 800, FileCost: 900, CostFinalize: 1000 };
const CHECKS: Readonly<Record<string, number>> = {
  FindRelatedProducts: 25,
  AppSearch: 50,
  LaunchConditions: 100,
  ValidateProductID: 700,
};
const TRANSACTION: Readonly<Record<string, number>> = {
  InstallValidate: 1400,
  InstallInitialize: 1500,
  InstallFinalize: 6600,
};

const SEQUENCES = {
  AdminUISequence: { ...COSTING, ExecuteAction: 1300 },
  AdminExecuteSequence: { ...COSTING, ...TRANSACTION, InstallAdminPackage: 3900, InstallFiles: 4000 },
  AdvtExecuteSequence: {
    CostInitialize: 800,
    CostFinalize: 1000,
    ...TRANSACTION,
    PublishFeatures: 6300,
    PublishProduct: 6400,
  },
  InstallUISequence: { ...CHECKS, ...COSTING, MigrateFeatureStates: 1200, ExecuteAction: 1300 },
  InstallExecuteSequence: {
    ...CHECKS,
    ...COSTING,
    SetInstallLocation: 1001,
    MigrateFeatureStates: 1200,
    ...TRANSACTION,
    // Inside the transaction: where the new version fails, the old one is rolled back into its place.
    RemoveExistingProducts: 1501,
    ProcessComponents: 1600,
    UnpublishFeatures: 1800,
    RemoveRegistryValues: 2600,
    RemoveShortcuts: 3200,
    RemoveFiles: 3500,
    RemoveFolders: 3600,
    CreateFolders: 3700,
    InstallFiles: 4000,
    CreateShortcuts: 4500,
    WriteRegistryValues: 5000,
    RegisterUser: 6000,
    RegisterProduct: 6100,
    PublishFeatures: 6300,
    PublishProduct: 6400,
  },
} as const satisfies Partial<Record<MsiTable, Readonly<Record<string, number>>>>;

/** The rows of every sequence table. */
export function sequenceRows(): Partial<Record<MsiTable, readonly (readonly Cell[])[]>> {
  return Object.fromEntries(
    Object.entries(SEQUENCES).map(([table, actions]) => [
      table,
      Object.entries(actions).map(([action, number]): readonly Cell[] => [action, null, number]),
    ]),
  );
}
