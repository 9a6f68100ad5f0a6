// Made by `hookbox build`: has componentize-js make the component, and says in a few lines why it does not.

import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [tool, wit, entry, out] = process.argv.slice(2);
const { componentize } = await import(pathToFileURL(resolve(tool)));

try {
  const { component } = await componentize({
    sourcePath: entry,
    witPath: resolve(wit),
    worldName: "hookbox:plugin/javascript",
  });
  await writeFile(out, component);
} catch (error) {
  console.error(said(String(error?.message ?? error)));
  process.exitCode = 1;
}

/** What the tool says, without what is always there and what is the tool's own. */
function said(text) {
  const [reason, rest = ""] = text
    .replace(/^Failed to initialize component.*\n?/, "")
    .replace(/^Exception while evaluating top-level script\n?/, "")
    .replace(/ error while executing at wasm backtrace:\n(\s+\d+: 0x.*\n)+/, "\n")
    .trim()
    .split("\nAdditionally, some promises were rejected");
  // Where in the plugin it was, if the first line names the helper.
  const place = reason.startsWith("src/") ? undefined : rest.match(/@(src\/\S+:\d+:\d+)/)?.[1];
  return `${reason || text}${place ? `\n  at ${place}` : ""}${hint(reason)}`;
}

/** What is known about reasons that say little. */
function hint(reason) {
  if (/trapped|wasm trap|unreachable|initial size/i.test(reason)) {
    return (
      "\nhint: code outside of functions runs while the component is made, where there are no random numbers" +
      " (Math.random(), crypto), no network and no timers: move it into a handler"
    );
  }
  if (/Error (loading|resolving)|not found|ENOENT|can't load|No such file/i.test(reason)) {
    return (
      "\nhint: only files of the project can be imported, by a path with its ending (`./text.js`): packages of npm" +
      " are to be bundled into one first"
    );
  }
  return "";
}
