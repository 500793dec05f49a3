/** The shell's entry: everything that an ERTH app's main process does is in `runApp`. */
import { runApp } from "../../runtime/shell/run-app.ts";

await runApp();
