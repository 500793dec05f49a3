/** Ends processes that may be ending on their own, as children do when their parent is killed. */
import { systemCode } from "../../runtime/base/errors.ts";

/** SIGKILL; one that is gone already is as good. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (systemCode(error) !== "ESRCH") throw error;
  }
}
