// Does what a comment says: written over the plugin of a project that `hookbox new` made.

import { clock, config, done, http, ignored, log, on, plugin, Reject, Retry, state, Want } from "../.hookbox/javascript/hookbox.js";

const DEEDS = {
  text: () => "a text",
  ignored: () => ignored("not ours"),
  throws: () => {
    throw new Error("it broke", { cause: new Error("underneath") });
  },
  mistake: () => undefined.x,
  "rejected promise": async () => {
    await null;
    throw new Error("too late");
  },
  reject: () => {
    throw new Reject("never");
  },
  retry: () => {
    throw new Retry("not yet", { afterMs: 3_600_000 });
  },
  "long answer": () => "x".repeat(65_536),
  "long lines": () => {
    log.info("x".repeat(60_000));
    console.error("ü".repeat(2_000));
    throw new Reject("y".repeat(20_000));
  },
  fetch: () => fetch("https://example.org/"),
  "caught fetch": async () => {
    try {
      await fetch("https://example.org/");
      return "it was sent";
    } catch (error) {
      return `caught ${error.message}`;
    }
  },
  denied: () => http.post("https://example.org/x?secret=1", { json: { a: 1 } }).text(),
  "caught denied": () => {
    try {
      return http.get("https://example.org/").text();
    } catch (error) {
      return `caught ${error.kind}`;
    }
  },
  config: () => done(config.all()),
  missing: () => config.require("greeting"),
  count: () => {
    state.set("last", "é");
    return `${state.increment("comments")} ${state.get("last")} ${state.keys()}`;
  },
  "count and fail": () => {
    state.increment("comments");
    throw new Reject(`${state.get("comments")}`);
  },
  memory: () => {
    const all = [];
    for (;;) all.push(new Uint8Array(1_000_000));
  },
  endless: () => {
    for (;;);
  },
  sleep: async () => {
    await new Promise((wake) => setTimeout(wake, 20));
    return "slept";
  },
  random: () => String(Math.random() !== Math.random() && crypto.randomUUID().length),
  logs: () => {
    log.warn("from the helper", { a: 1 });
    console.log("from the console");
    return clock.now() > new Date("2026-01-01") ? "now" : "never";
  },
};

const act = on("discussion.comment", async (event) => DEEDS[event.comment.content](event));
const look = on("repo.content", (event) => event.refs.map((update) => `${update.shortName} ${update.change}`).join(", "));
const follow = on("repo", { actions: ["move"] }, (event) => `${event.repo.name} is ${event.to.name}, ${event.header("content-type")}`);

export default plugin({
  description: "Does what comments say",
  handlers: [act, look, follow],
  wants: [Want.http("example.org", { methods: ["GET"], because: "it calls it" }), Want.state("counts")],
});
