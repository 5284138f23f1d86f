/** Calls back at each of these signals, which then do nothing by themselves, until the returned function is called. */
export function onSignals(names: readonly NodeJS.Signals[], callback: (name: NodeJS.Signals) => void): () => void {
  const listeners = names.map((name) => [name, () => callback(name)] as const);
  for (const [name, listener] of listeners) process.on(name, listener);
  return () => {
    for (const [name, listener] of listeners) process.off(name, listener);
  };
}
