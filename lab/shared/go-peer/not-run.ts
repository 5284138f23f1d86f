/** Why the suite cannot run here. Nothing was checked then, and nothing is wrong. */
export class NotRunError extends Error {
  override readonly name = "NotRunError";
}
