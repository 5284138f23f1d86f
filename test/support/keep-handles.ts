/**
 * The garbage collector decides nothing in a test: many of them drop a handle, and look for an hour of a clock of their
 * own at what others do. What becomes of a handle that was dropped is tried in a process of its own.
 */
FinalizationRegistry.prototype.register = () => undefined;
