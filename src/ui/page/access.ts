import { TOKEN_HEADER } from "../snapshot.ts";
import { within } from "./time.ts";

const TOKEN_STORAGE_KEY = "azmutex-token";
const LONGEST_ANSWER_MS = 60_000;

/** The server has no session for this browser: the link was not opened, or is of an earlier run. */
export class UnauthorizedError extends Error {}

/** Whether the page has a token that it did not sign in with yet. */
let isNew = false;

/** Takes the token out of the address, and keeps it for other tabs of this page. */
export function takeToken(): void {
  const token = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (token === undefined) return;
  localStorage.setItem(TOKEN_STORAGE_KEY, token);
  history.replaceState(null, "", "/#/");
  isNew = true;
}

/** Sends a request to the server, and signs in first where there is no session yet. */
export async function fetchSignedIn(path: string, sent?: object): Promise<Response> {
  if (!isNew) {
    const first = await send(path, sent);
    if (first.status !== 401) return first;
  }
  isNew = false;
  if (!(await send("/session", {})).ok) throw new UnauthorizedError();
  const second = await send(path, sent);
  if (second.status === 401) throw new UnauthorizedError();
  return second;
}

function send(path: string, sent?: object): Promise<Response> {
  const headers = { [TOKEN_HEADER]: localStorage.getItem(TOKEN_STORAGE_KEY) ?? "" };
  const signal = within(LONGEST_ANSWER_MS);
  if (!sent) return fetch(path, { headers, signal });
  return fetch(path, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(sent),
    signal,
  });
}
