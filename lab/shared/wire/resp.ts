import type { Protocol } from "./protocol.ts";

const CRLF = "\r\n";

/** Redis's protocol, version 2. Which script a command runs is not to be seen, so the stage tells what it is for. */
export const RESP: Protocol = {
  isStateless: false,
  requestLength: (bytes) => valueEnd(bytes, 0),
  answerLength: (bytes) => valueEnd(bytes, 0),
  read(request, stage) {
    const method = commandOf(request);
    return { operation: ["SET", "EVAL", "EVALSHA"].includes(method) ? stage : "other", method, path: "" };
  },
  // An error, nil and 0 (also as the first of several) are what scripts and SET NX say when they did nothing.
  isDone: (answer) => !/^(?:-|\$-1|:0|\*-1|\*\d+\r\n:(?:0|-))/.test(answer.toString("latin1")),
  // The storage does not have the script yet, and is sent it.
  isRepeated: (answer) => answer.toString("latin1").startsWith("-NOSCRIPT"),
  busy: () => Buffer.from(`-LOADING Redis is loading the dataset in memory${CRLF}`),
  gateway() {
    throw new Error("no gateway speaks Redis's protocol");
  },
};

/** Bytes of which only the number is known: what arrives at once counts for a request. */
export const OPAQUE: Protocol = { ...RESP, requestLength: (bytes) => bytes.length };

function commandOf(request: Buffer): string {
  const [, , command = ""] = request.toString("latin1").split(CRLF, 3);
  return command.toUpperCase();
}

/** Where the value that begins at `at` ends, or undefined while it is not complete. */
function valueEnd(bytes: Buffer, at: number): number | undefined {
  const lineEnd = bytes.indexOf(CRLF, at);
  if (lineEnd === -1) return undefined;
  const count = Number(bytes.toString("latin1", at + 1, lineEnd));
  const next = lineEnd + CRLF.length;
  switch (bytes[at]) {
    case "$".charCodeAt(0): {
      const end = count < 0 ? next : next + count + CRLF.length;
      return end <= bytes.length ? end : undefined;
    }
    case "*".charCodeAt(0): {
      let end: number | undefined = next;
      for (let element = 0; element < count && end !== undefined; element += 1) end = valueEnd(bytes, end);
      return end;
    }
    default:
      return next;
  }
}

/** The bytes of a command. */
export function commandBytes(words: readonly string[]): string {
  return `*${words.length}${CRLF}${words.map((word) => `$${Buffer.byteLength(word)}${CRLF}${word}${CRLF}`).join("")}`;
}
