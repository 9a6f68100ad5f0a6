import assert from "node:assert/strict";
import { test } from "node:test";

import { done } from "../.hookbox/javascript/hookbox.js";
import { sample } from "../.hookbox/javascript/testing.js";
import plugin from "../src/plugin.js";

test("whoever comments is greeted", async () => {
  const said = await plugin.deliver(sample("discussion-comment"));
  assert.deepEqual(said, done("hello 61d2000c3c2083e1c08af22d"));
});
