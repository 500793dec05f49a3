/** Installers made by `wixl`, of msitools. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const SOURCE = `<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="0f8fad5b-d9cb-469f-a165-70867728950e" Name="Notes" Language="1033" Version="1.4.0"
    Manufacturer="Erth" UpgradeCode="7c9e6679-7425-40de-944b-e07fc1f90ae7">
    <Package InstallerVersion="200" Compressed="yes"/>
    <Media Id="1" Cabinet="data.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir">
      <Directory Id="ProgramFilesFolder">
        <Directory Id="INSTALLDIR" Name="Notes">
          <Component Id="Main" Guid="16fd2706-8baf-433b-82eb-8c7fada847da">
            <File Id="Notes" Source="notes.txt" Name="notes.txt" KeyPath="yes"/>
          </Component>
        </Directory>
      </Directory>
    </Directory>
    <Feature Id="All" Level="1"><ComponentRef Id="Main"/></Feature>
  </Product>
</Wix>
`;

export const hasWixl = isThere();

function isThere(): boolean {
  try {
    execFileSync("wixl", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A real installer of one file. */
export async function wixlMsi(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "erth-wixl-"));
  try {
    await writeFile(join(folder, "notes.wxs"), SOURCE);
    await writeFile(join(folder, "notes.txt"), Buffer.alloc(20_000, "erth notes "));
    await promisify(execFile)("wixl", ["-o", "notes.msi", "notes.wxs"], { cwd: folder });
    return await readFile(join(folder, "notes.msi"));
  } finally {
    await rm(folder, { recursive: true });
  }
}
