type Ending = () => unknown;

const endings: Ending[] = [];

/** Calls back when the command is done, and has released what it held. */
export function atEndOfCommand(ending: Ending): void {
  endings.push(ending);
}

/** The command is done. What would keep this process from ending is ended. Never rejects. */
export function endCommand(): void {
  for (const ending of endings.splice(0))
    Promise.resolve()
      .then(ending)
      .catch(() => undefined);
}
