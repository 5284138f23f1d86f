import type { Socket } from "node:net";

/** What arrives on a connection, taken message by message. Its errors are for others to hear. */
export class ByteReader {
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;
  #arrived: () => void = () => undefined;

  constructor(socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#arrived();
    });
    const end = (): void => {
      this.#ended = true;
      this.#arrived();
    };
    socket.on("end", end);
    socket.on("close", end);
  }

  /** The next message, whose length `measure` tells; undefined once none will come. */
  async take(measure: (bytes: Buffer) => number | undefined): Promise<Buffer | undefined> {
    for (;;) {
      const length = this.#bytes.length === 0 ? undefined : measure(this.#bytes);
      if (length !== undefined) {
        const message = this.#bytes.subarray(0, length);
        this.#bytes = this.#bytes.subarray(length);
        return message;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
}
