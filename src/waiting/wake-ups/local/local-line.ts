const TOPIC = "[0-9a-f]{64}";
const MESSAGE = String.raw`[\x20-\x7e]{1,200}`;
const TOPIC_FORM = new RegExp(`^${TOPIC}$`);
const LINE_FORM = new RegExp(`^(${TOPIC}) (${MESSAGE})$`);
/** What is longer before its end is none of ours. */
const LONGEST_LINE = 64 + 1 + 200;

/** Throws `TypeError` for what is no topic. */
export function checkTopic(topic: string): void {
  if (!TOPIC_FORM.test(topic)) throw new TypeError("a topic has 64 hexadecimal digits");
}

/** A message as it is sent: a line. Throws `TypeError` for a topic or a message of another form. */
export function messageLine(topic: string, message: string): string {
  const line = `${topic} ${message}`;
  if (LINE_FORM.test(line)) return `${line}\n`;
  throw new TypeError("a topic has 64 hexadecimal digits, and a message 1 to 200 printable characters");
}

/** Puts together the lines that arrive in pieces from one process. */
export class LineReader {
  readonly #onMessage: (topic: string, message: string) => void;
  #rest = "";

  constructor(onMessage: (topic: string, message: string) => void) {
    this.#onMessage = onMessage;
  }

  /** Reads on. Lines of another form are left out. Returns false for a line that is too long: there is no way on. */
  read(text: string): boolean {
    const lines = `${this.#rest}${text}`.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, topic, message] = LINE_FORM.exec(line) ?? [];
      if (topic !== undefined && message !== undefined) this.#onMessage(topic, message);
    }
    return this.#rest.length <= LONGEST_LINE && lines.every(({ length }) => length <= LONGEST_LINE);
  }
}
