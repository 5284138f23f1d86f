/** What was checked, a line for each as soon as it is known. */
export class Verdict {
  checked = 0;
  failed = 0;

  /** @param seen - The figures, whether it is so or not. */
  check(what: string, isSo: boolean, seen: string): void {
    this.checked += 1;
    if (!isSo) this.failed += 1;
    process.stdout.write(`${isSo ? "ok    " : "FAILED"}  ${what}: ${seen}\n`);
  }
}
