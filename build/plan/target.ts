/** The five targets, and what each is called by the platforms and registries. */

export const TARGETS = ["darwin-arm64", "darwin-x64", "win32-x64", "linux-x64", "linux-arm64"] as const;

export type Target = (typeof TARGETS)[number];
export type TargetOs = "darwin" | "win32" | "linux";
export type TargetArch = "arm64" | "x64";

export function isTarget(text: string): text is Target {
  return (TARGETS as readonly string[]).includes(text);
}

export function osOf(target: Target): TargetOs {
  return target.split("-")[0] as TargetOs;
}

export function archOf(target: Target): TargetArch {
  return target.split("-")[1] as TargetArch;
}

/** `.exe` on Windows, nothing elsewhere. */
export function executableSuffix(target: Target): "" | ".exe" {
  return osOf(target) === "win32" ? ".exe" : "";
}

/** The target of the machine that `erth` runs on, or undefined on any other machine. */
export function hostTarget(platform: string = process.platform, arch: string = process.arch): Target | undefined {
  const name = `${platform}-${arch}`;
  return isTarget(name) ? name : undefined;
}
