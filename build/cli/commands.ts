/** Every command, in the order of `erth --help`. */
import type { Command } from "./command.ts";
import { build } from "./commands/build.ts";
import { doctor } from "./commands/doctor.ts";
import { notarize } from "./commands/notarize.ts";
import { sign } from "./commands/sign.ts";
import { staple } from "./commands/staple.ts";
import { lock } from "./commands/lock.ts";
import { packageCommand } from "./commands/package.ts";
import { plan } from "./commands/plan.ts";
import { release } from "./commands/release.ts";
import { size } from "./commands/size.ts";
import { verify } from "./commands/verify.ts";

export const COMMANDS: readonly Command[] = [
  plan,
  build,
  packageCommand,
  size,
  release,
  sign,
  notarize,
  staple,
  verify,
  lock,
  doctor,
];
