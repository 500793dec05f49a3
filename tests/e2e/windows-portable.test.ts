/** The portable Windows program under Wine 10: started twice at once, again, after an update, damaged, and without WebView2. */
import { copyFile, readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packagePortable as portable } from "../integration/stub/portable-app.ts";
import { damageFrame, IDENTIFIER, withIndex } from "../integration/stub/small-app.ts";
import { scratchFolder } from "../support/scratch.ts";
import { hasWineRoot, runInWine } from "../support/wine-root.ts";

describe.skipIf(!hasWineRoot)("under Wine 10 (the root of .ci/wine-root)", () => {
  test("says what is missing, unpacks once beside a second start, starts the app, refuses damage", async () => {
    const folder = await scratchFolder();
    await copyFile(await portable(), join(folder, "needs-webview2.exe"));
    const path = await portable({ ballastBytes: 4 << 20 });
    await withIndex(path, { requirements: [] });
    await copyFile(path, join(folder, "Nötes 漢字.exe"));
    const newer = await portable({ version: "2" });
    await withIndex(newer, { requirements: [] });
    await copyFile(newer, join(folder, "newer.exe"));
    await damageFrame(path);
    await copyFile(path, join(folder, "damaged.exe"));
    const client = "{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}";
    const script = `
cd /mnt/host
run() { name=$1; shift; code=0; wine "$@" >"$name.out" 2>"$name.err" </dev/null || code=$?; echo $code >"$name.code"; }
wineboot -i >/dev/null 2>&1
run missing needs-webview2.exe
wine reg add "HKCU\\\\Software\\\\Microsoft\\\\EdgeUpdate\\\\Clients\\\\${client}" /v pv /d 120.0.0.1 /f >/dev/null
run present needs-webview2.exe
run damaged damaged.exe
run first "Nötes 漢字.exe" "a b" c & run second "Nötes 漢字.exe" & wait
run later "Nötes 漢字.exe"
run verify "Nötes 漢字.exe" --erth-verify
run newer newer.exe
wineserver -w`;
    const { status, stderr } = runInWine(folder, script, 120_000);
    expect(status, stderr).toBe(0);
    const said = async (name: string): Promise<readonly [number, string, string]> => [
      Number(await readFile(join(folder, `${name}.code`), "utf8")),
      (await readFile(join(folder, `${name}.out`), "utf8")).replaceAll("\r", ""),
      await readFile(join(folder, `${name}.err`), "utf8"),
    ];
    const [missing, , message] = await said("missing");
    expect([missing, message]).toEqual([69, expect.stringContaining("needs the Microsoft Edge WebView2 Runtime")]);
    expect((await said("present"))[0]).toBe(7);
    const [damaged, , why] = await said("damaged");
    expect([damaged, why]).toEqual([70, expect.stringMatching(/^error\[FILE_DAMAGED\] the frame at \d+ /)]);

    const base = join(folder, "home/.wine/drive_c/users/root/AppData/Local", IDENTIFIER, "cache/app");
    const [code, output] = await said("first");
    expect(code).toBe(7);
    expect(output).toMatch(
      /^cwd C:\\users\\root\\AppData\\Local\\dev\.example\.notes\\cache\\app\\[0-9a-f]{32}\\bin\nown set by launch\nfile Z:\\mnt\\host\\N.*tes .*\.exe\nargs --own "a b" c\n$/,
    );
    expect((await said("second"))[0]).toBe(7);
    expect((await said("later"))[0]).toBe(7);
    expect((await said("verify"))[1]).toContain("all as published");
    expect((await said("newer"))[0]).toBe(7);
    const names = await readdir(base);
    expect(names.filter((name) => /\.(part|gone)$/.test(name))).toEqual([]);
    const versions = names.filter((name) => !name.includes("."));
    const kept = await Promise.all(versions.map((id) => readFile(join(base, id, "version 漢字.txt"), "utf8")));
    // The one without ballast went when "newer" came: of other versions, only the newest stays.
    expect(kept.sort()).toEqual(["1", "2"]);
    expect((await stat(join(base, versions[0]!, "empty"))).isDirectory()).toBe(true);
  }, 180_000);
});
