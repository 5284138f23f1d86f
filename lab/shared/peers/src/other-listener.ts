import { onExit } from "signal-exit";

/**
 * Another package's listener for signals, as many programs have one without knowing: it tidies up as the process ends.
 */
onExit(() => undefined);
