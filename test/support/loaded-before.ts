// What azmutex loads when it is asked for: nothing is read from files by a clock that only the test moves.
import "../../src/locks/break-lock.ts";
import "../../src/locks/inspect-lock.ts";
import "../../src/waiting/wake-ups/local/local-member.ts";
