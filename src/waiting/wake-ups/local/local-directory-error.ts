/** Why the processes of a machine cannot meet in a directory. Its message is logged: no password can be in it. */
export class LocalDirectoryError extends Error {
  override readonly name = "LocalDirectoryError";
  /** As the system has it. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}
