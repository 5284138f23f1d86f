import { request } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Snapshot } from "../../src/ui/snapshot.ts";
import { ServedPage } from "../support/served-page.ts";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

let served: ServedPage;
let readOnly: ServedPage;
let cookie: string;
beforeAll(async () => {
  served = await ServedPage.start({ mayBreak: true });
  readOnly = await ServedPage.start();
  cookie = await cookieOf(served);
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await readOnly[Symbol.asyncDispose]();
});

/** A request as anybody can make it, whatever headers it has: a browser allows a page fewer. */
function ask(page: ServedPage, path: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${page.origin}${path}`, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on("error", reject).end(body);
  });
}

const own = (page: ServedPage): Record<string, string> => ({
  origin: page.origin,
  "sec-fetch-site": "same-origin",
  "x-azmutex-token": page.token,
});

async function cookieOf(page: ServedPage): Promise<string> {
  const { headers } = await ask(page, "/session", { method: "POST", headers: own(page) });
  return String(headers["set-cookie"]).split(";")[0] ?? "";
}

function askToBreak(page: ServedPage, sent: object, headers: Record<string, string> = {}): Promise<Answer> {
  const all = { ...own(page), cookie, "content-type": "application/json", ...headers };
  return ask(page, "/break", { method: "POST", headers: all, body: JSON.stringify(sent) });
}

const stateOf = (key: string) => served.world.leaseState(key);
const lockRequest = (key: string, more: object = {}) => ({
  key,
  typed: key,
  part: { kind: "lock" },
  atOnce: false,
  ...more,
});

describe("the status page's server", () => {
  it("listens on 127.0.0.1 alone", async () => {
    const { port } = new URL(served.origin);
    const elsewhere = new Promise<string>((resolve) => {
      const socket = connect({ host: "127.0.0.2", port: Number(port) });
      socket.on("connect", () => resolve("connected")).on("error", ({ message }) => resolve(message));
      socket.on("connect", () => socket.destroy());
    });
    expect(await elsewhere).toContain("ECONNREFUSED");
  });

  it.each(["/", "/page.js", "/page.css"])(
    "gives anybody %s, which knows of no lock, under a policy without exceptions",
    async (path) => {
      const { status, headers, text } = await ask(served, path);
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        "content-security-policy":
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' " +
          "data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
      });
      expect(text).not.toMatch(/<script(?![^>]*\bsrc=)|\bstyle="|\bon\w+="/);
      expect(text).not.toContain(served.token);
    },
  );

  it.each([
    ["another name", "evil.example"],
    ["another name and this port", "evil.example:PORT"],
    ["another port", "127.0.0.1:1"],
    ["no port", "127.0.0.1"],
    ["a name that ends like ours", "x.localhost:PORT"],
    ["a name in front of ours", "localhost:PORT.evil.example"],
  ])("refuses everything under %s: %s", async (_, host) => {
    const { port } = new URL(served.origin);
    const named = { ...own(served), cookie, host: host.replace("PORT", port) };
    for (const path of ["/", "/page.js", "/locks"])
      expect([path, (await ask(served, path, { headers: named })).status]).toEqual([path, 403]);
    for (const path of ["/session", "/break"]) {
      const { status, headers } = await ask(served, path, {
        method: "POST",
        headers: { ...named, origin: `http://${named.host}` },
      });
      expect([path, status, headers["set-cookie"]]).toEqual([path, 403, undefined]);
    }
  });

  it.each(["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])("answers as %s", async (name) => {
    const { port } = new URL(served.origin);
    expect((await ask(served, "/", { headers: { host: `${name}:${port}` } })).status).toBe(200);
  });

  it("shows locks to a client with both token and cookie, and to none with one of them", async () => {
    const token = { "x-azmutex-token": served.token };
    expect((await ask(served, "/locks", { headers: { ...token, cookie } })).status).toBe(200);
    const others: Record<string, string>[] = [
      {},
      token,
      { cookie },
      { ...token, cookie: `${cookie.split("=")[0]}=${served.token}` },
      { "x-azmutex-token": readOnly.token, cookie },
      { ...token, cookie: await cookieOf(readOnly) },
      { "x-azmutex-token": "", cookie: "azmutex-0=" },
    ];
    for (const headers of others) {
      const { status, text } = await ask(served, "/locks", { headers });
      expect([headers, status]).toEqual([headers, 401]);
      expect(JSON.parse(text)).toEqual({ message: "open the link that azmutex ui has printed" });
    }
  });

  it("gives a cookie that no script reads and no other site sends, for the token alone", async () => {
    const { headers } = await ask(served, "/session", { method: "POST", headers: own(served) });
    const { port } = new URL(served.origin);
    expect(headers["set-cookie"]).toEqual([
      expect.stringMatching(new RegExp(`^azmutex-${port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`)),
    ]);
    const refused = await ask(served, "/session", {
      method: "POST",
      headers: { ...own(served), "x-azmutex-token": "wrong" },
    });
    expect([refused.status, refused.headers["set-cookie"]]).toEqual([401, undefined]);
  });

  it("answers no other site, nor another server's page of this machine, whatever it sends along", async () => {
    const all = { ...own(served), cookie };
    for (const site of ["cross-site", "same-site", "none"]) {
      expect([site, (await ask(served, "/locks", { headers: { ...all, "sec-fetch-site": site } })).status]).toEqual([
        site,
        403,
      ]);
    }
    expect((await ask(served, "/locks", { headers: { ...all, origin: "http://127.0.0.1:1" } })).status).toBe(403);
    // A link from elsewhere leads to the page, which then knows nothing.
    const link = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    expect((await ask(served, "/", { headers: link })).status).toBe(200);
    expect(
      (await ask(served, "/page.js", { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" } }))
        .status,
    ).toBe(403);
  });

  it("has no way but its own", async () => {
    for (const path of [
      "/../package.json",
      "/%2e%2e/package.json",
      "/server.js",
      "/ui/",
      "/locks/",
      "//",
      "/licences.txt",
    ]) {
      expect([path, (await ask(served, path, { headers: { ...own(served), cookie } })).status]).toEqual([path, 404]);
    }
    for (const [method, path, status] of [
      ["POST", "/", 405],
      ["DELETE", "/locks", 404],
      ["OPTIONS", "/break", 404],
      ["GET", "/break", 404],
    ] as const) {
      expect([method, (await ask(served, path, { method, headers: { ...own(served), cookie } })).status]).toEqual([
        method,
        status,
      ]);
    }
  });

  it("tells what is new after a version, and everything to a client that asks for nonsense", async () => {
    await served.process().acquire("shown", 60);
    const look = async (query: string) => {
      const { text } = await ask(served, `/locks${query}`, { headers: { ...own(served), cookie } });
      return JSON.parse(text) as Snapshot;
    };
    await expect.poll(async () => (await look("")).locks.map(({ key }) => key)).toContain("shown");
    const { run, version } = await look("");
    await expect.poll(async () => (await look(`?run=${run}&after=${version}`)).isWhole).toBe(false);
    for (const query of ["?after=-1", `?run=${run}&after=x`, "?run=__proto__&after=1e99", `?run=${run}&after=999999`]) {
      expect([query, (await look(query)).locks.length]).toEqual([query, (await look("")).locks.length]);
    }
  });
});

describe("breaking a lock from the page", () => {
  it("is not there unless it was allowed, and says so", async () => {
    const theirs = await cookieOf(readOnly);
    const { status, text } = await askToBreak(readOnly, lockRequest("k"), { cookie: theirs });
    expect(status).toBe(404);
    expect(JSON.parse(text)).toEqual({ message: expect.stringContaining("--allow-break") });
  });

  it("frees it when its lease would have ended, and says when", async () => {
    await served.process().acquire("rest", 60);
    const { status, text } = await askToBreak(served, lockRequest("rest"));
    expect([status, JSON.parse(text)]).toEqual([200, { outcome: "broken", freeInSeconds: 60 }]);
    expect(await stateOf("rest")).toBe("breaking");
  });

  it("frees it at once, if that was asked", async () => {
    await served.process().acquire("now", 60);
    expect(JSON.parse((await askToBreak(served, lockRequest("now", { atOnce: true }))).text)).toMatchObject({
      freeInSeconds: 0,
    });
    expect(await stateOf("now")).toBe("broken");
  });

  it("stops no holder but the one it was meant for", async () => {
    await served.world.until(served.process().locker("whose", { holder: "web-1" }).lock());
    const other = await askToBreak(served, lockRequest("whose", { holder: "web-2" }));
    expect(JSON.parse(other.text)).toMatchObject({ outcome: "heldByAnother", holder: { name: "web-1" } });
    expect(await stateOf("whose")).toBe("leased");
    expect(JSON.parse((await askToBreak(served, lockRequest("whose", { holder: "web-1" }))).text)).toMatchObject({
      outcome: "broken",
    });
  });

  it("takes the key typed once more, and nothing like it", async () => {
    await served.process().acquire("typed", 60);
    for (const typed of ["", "Typed", "typed ", "other"]) {
      const { status, text } = await askToBreak(served, lockRequest("typed", { typed }));
      expect([typed, status, JSON.parse(text)]).toEqual([
        typed,
        400,
        { message: "what was typed is not the key; nothing was changed" },
      ]);
    }
    expect(await stateOf("typed")).toBe("leased");
  });

  it.each([
    ["no cookie", { cookie: "" }, 401],
    ["no token", { "x-azmutex-token": "" }, 401],
    ["another site's origin", { origin: "http://evil.example" }, 403],
    ["an origin that is hidden", { origin: "null" }, 403],
    ["a cross-site request", { "sec-fetch-site": "cross-site" }, 403],
    ["a form", { "content-type": "text/plain" }, 415],
  ])("is refused with %s", async (what, headers, status) => {
    const key = `refused ${what}`;
    await served.process().acquire(key, 60);
    expect((await askToBreak(served, lockRequest(key), headers)).status).toBe(status);
    expect(await stateOf(key)).toBe("leased");
  });

  it("takes a key that cannot be typed as it is shown", async () => {
    const key = "gpj.\u202eexe\u00a0";
    await served.process().acquire(key, 60);
    expect((await askToBreak(served, lockRequest(key, { typed: "gpj.exe" }))).status).toBe(400);
    expect(await stateOf(key)).toBe("leased");
    expect((await askToBreak(served, lockRequest(key, { typed: "gpj.\\u{202e}exe\\xa0" }))).status).toBe(200);
    expect(await stateOf(key)).toBe("breaking");
  });

  it("is refused without an origin", async () => {
    const { origin: _, ...rest } = own(served);
    const headers = { ...rest, cookie, "content-type": "application/json" };
    expect(
      (await ask(served, "/break", { method: "POST", headers, body: JSON.stringify(lockRequest("k")) })).status,
    ).toBe(403);
  });

  it.each([
    ["no JSON", "{", 400],
    ["null", "null", 400],
    ["a list", "[]", 400],
    ["no part", '{"key":"k","typed":"k","atOnce":false}', 400],
    ["a wrong type", '{"key":"k","typed":"k","atOnce":"yes","part":{"kind":"lock"}}', 400],
    ["a reader without a name", '{"key":"k","typed":"k","atOnce":false,"part":{"kind":"reader"}}', 400],
    ["no such permit", '{"key":"k","typed":"k","atOnce":false,"part":{"kind":"permit","slot":-1}}', 400],
    ["no key", '{"key":"a/","typed":"a/","atOnce":false,"part":{"kind":"lock"}}', 400],
    ["far too much", `{"key":"${"k".repeat(20_000)}"}`, 413],
  ])("is refused for %s", async (_, body, status) => {
    const headers = { ...own(served), cookie, "content-type": "application/json" };
    const answer = await ask(served, "/break", { method: "POST", headers, body });
    expect([answer.status, typeof JSON.parse(answer.text).message]).toEqual([status, "string"]);
    expect(served.defects).toEqual([]);
  });

  it("says so when the service does not answer", async () => {
    await served.process().acquire("silent", 60);
    const { store } = served.onlooker;
    const fault = store.failBefore("break");
    const answer = askToBreak(served, lockRequest("silent"));
    const { status, text } = await served.world.until(answer, 120_000, 100);
    fault.heal();
    expect(status).toBe(502);
    expect(JSON.parse(text)).toEqual({ message: "break was made to fail" });
  });
});
