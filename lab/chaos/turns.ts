/** A turn that was asked for: it comes when the one before has ended. */
export interface Turn {
  readonly mine: Promise<void>;
  end(): void;
}

/** One thing at a time, in the order of asking: what is done to a process may take longer than planned. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  take(): Turn {
    const mine = this.#last;
    let end = (): void => {};
    this.#last = new Promise((resolve) => {
      end = resolve;
    });
    return { mine, end };
  }
}
