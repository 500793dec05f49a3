/** The hfsplus driver of Linux, in QEMU: this machine's kernel need not have it, nor may every user mount. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmod, cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findCiTool, findTool } from "./signing/apple/apple-tools.ts";

const qemu = findTool("qemu-system-x86_64");
const busybox = findTool("busybox");
const kernel = findCiTool("linux-hfsplus/vmlinuz");

export const hasLinuxHfsPlus: boolean = qemu !== undefined && busybox !== undefined && kernel !== undefined;

export interface MountedEntry {
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
  /** Unix permissions. */
  readonly mode: number;
  /** SHA-256 of a file, target of a link. */
  readonly content: string;
}

const MODULES = ["cdrom", "loop", "nls_utf8", "hfsplus"];

/** A shell script for process 1: mounts each volume and prints what is in it, field by field. */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t devtmpfs none /dev
for module in ${MODULES.join(" ")}; do insmod /modules/$module.ko; done
for volume in /volumes/*; do
  echo "@volume"
  mount -t hfsplus -o loop,ro,nls=utf8 $volume /mnt && cd /mnt || continue
  find . -type d -exec stat -c 'folder|%a||%n' {} +
  find . -type l | while IFS= read -r link; do echo "link|$(stat -c %a "$link")|$(readlink "$link")|$link"; done
  find . -type f -exec stat -c 'mode|%a||%n' {} +
  find . -type f -exec sha256sum {} + | sed 's/^\\([0-9a-f]*\\)  /sha256||\\1|/'
  cd / && umount /mnt
done
echo "@end"
poweroff -f
`;

/** Boots once and mounts all of these volumes; what each holds, in their order. */
export async function mountInLinux(
  volumes: readonly string[],
  scratch: string,
): Promise<readonly (readonly MountedEntry[])[]> {
  if (qemu === undefined || busybox === undefined || kernel === undefined)
    throw new Error("QEMU or its kernel is missing");
  const root = join(scratch, "initramfs");
  for (const folder of ["bin", "modules", "volumes", "mnt", "proc", "dev"])
    await mkdir(join(root, folder), { recursive: true });
  await cp(busybox, join(root, "bin/busybox"), { dereference: true });
  for (const module of MODULES) await cp(join(dirname(kernel), `${module}.ko`), join(root, "modules", `${module}.ko`));
  for (const [at, volume] of volumes.entries()) await cp(volume, join(root, "volumes", String(at)));
  await writeFile(join(root, "init"), INIT);
  await chmod(join(root, "init"), 0o755);
  const initrd = join(scratch, "initrd");
  const maxBuffer = 1 << 30;
  await writeFile(
    initrd,
    execFileSync("sh", ["-c", `find . | ${busybox} cpio -o -H newc 2>/dev/null`], { cwd: root, maxBuffer }),
  );

  const { stdout } = spawnSync(
    qemu,
    [
      "-m",
      "768",
      "-nographic",
      "-no-reboot",
      "-net",
      "none",
      "-kernel",
      kernel,
      "-initrd",
      initrd,
      "-append",
      "console=ttyS0 quiet panic=-1",
    ],
    { maxBuffer, timeout: 240_000, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  if (!stdout.includes("@end")) throw new Error(`the kernel did not finish: ${stdout.slice(-2000)}`);
  const [, ...sections] = stdout.slice(0, stdout.indexOf("@end")).split("@volume");
  return sections.map(parseSection);
}

function parseSection(text: string): readonly MountedEntry[] {
  const lines = text.split(/\r?\n/).map((line) => line.split("|"));
  const digests = new Map(lines.flatMap(([what, , digest, path]) => (what === "sha256" ? [[path, digest]] : [])));
  return lines.flatMap(([what, mode = "", target = "", name = ""]): MountedEntry[] => {
    const path = name.replace(/^\.\//, "");
    const common = { path, mode: Number.parseInt(mode, 8) };
    if (what === "folder") return path === "." ? [] : [{ ...common, kind: "folder", content: "" }];
    if (what === "link") return [{ ...common, kind: "link", content: target }];
    return what === "mode" ? [{ ...common, kind: "file", content: digests.get(name) ?? "unread" }] : [];
  });
}
