// Says hello to whoever comments on a discussion.

import { done, log, on, plugin } from "../.hookbox/javascript/hookbox.js";

const greet = on("discussion.comment", { actions: ["create"] }, (event) => {
  log.info(`a comment on ${event.repo.name}`);
  return done(`hello ${event.comment.author.id}`);
});

export default plugin({ description: "Says hello to whoever comments", handlers: [greet] });
