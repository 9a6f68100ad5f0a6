// Which handler gets an event: the host's rule, repeated here so that a plugin is tested with it natively and picks the
// right one of its handlers. Scopes are compared segment by segment, never as the beginnings of texts.

/** The scopes that this version of the interface knows. */
export const KNOWN = ["repo", "repo.content", "repo.config", "discussion", "discussion.comment"];

/** The actions that the Hub has. */
export const ACTIONS = ["create", "update", "delete", "move"];

/** Whether a text can be subscribed to: dotted words, perhaps with `.*` at the end, or `*`. */
export function isSubscription(text) {
  return text === "*" || /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(top(text));
}

/** A scope without `.*`. */
export function top(scope) {
  return scope.endsWith(".*") ? scope.slice(0, -2) : scope;
}

/** What to write in place of a scope that the Hub probably does not have; `undefined` if it may have it. */
export function mend(scope) {
  const words = top(scope).split(".");
  const action = words.pop();
  if (ACTIONS.includes(action)) {
    return `"${action}" is an action: on("${words.join(".") || "repo"}", { actions: ["${action}"] }, …)`;
  }
  const meant = meantScope(scope);
  return meant && `there is no such scope: did you mean "${meant}"? (If the Hub has it: { unknown: true })`;
}

/** The scope that was probably meant by one that the Hub does not have. */
function meantScope(scope) {
  const meant = KNOWN.find((known) => known.endsWith(`.${top(scope)}`)) ?? nearest(top(scope), KNOWN);
  return meant && meant + scope.slice(top(scope).length);
}

/** The word of a list that another one is nearly, but not exactly. */
export function nearest(word, known) {
  if (known.includes(word)) return undefined;
  const near = known
    .map((other) => [distance(word, other), other])
    // Of a short word two letters are half of another one: `remove` is no `move`.
    .filter(([letters, other]) => letters <= (other.length < 5 ? 1 : 2));
  near.sort(([one], [other]) => one - other);
  return near[0]?.[1];
}

/** How many letters have to be added, left out or changed to make one word of another. */
function distance(from, to) {
  let row = Array.from({ length: to.length + 1 }, (_, place) => place);
  for (let line = 0; line < from.length; line++) {
    const next = [line + 1];
    for (let place = 0; place < to.length; place++) {
      const changed = row[place] + (from[line] === to[place] ? 0 : 1);
      next.push(Math.min(changed, row[place + 1] + 1, next[place] + 1));
    }
    row = next;
  }
  return row[to.length];
}

/** The handler that wins an event as it was sent, and how it sees it; `undefined` if none takes it. */
export function winner(handlers, sent) {
  let best;
  for (const handler of handlers) {
    const seen = view(handler.scope, sent);
    if (!seen || !admits(handler, seen.action)) continue;
    if (!best || ranksAbove(handler.scope, best.handler.scope)) best = { handler, seen };
  }
  return best;
}

/** The handler that won an event at the host, which has narrowed it to how that handler sees it. */
export function taker(handlers, seen) {
  const takers = handlers.filter((handler) => shows(handler.scope, seen.scope) && admits(handler, seen.action));
  return takers.reduce((best, next) => (best && !ranksAbove(next.scope, best.scope) ? best : next), undefined);
}

function admits(handler, action) {
  return handler.actions.length === 0 || handler.actions.includes(action);
}

/** Whether a subscription sees a scope as it is. */
function shows(pattern, scope) {
  return pattern.endsWith(".*") ? isAtOrUnder(scope, top(pattern)) : pattern === "*" || pattern === scope;
}

/** How a subscription sees a sent event, if at all. */
function view(pattern, sent) {
  if (shows(pattern, sent.scope)) return sent;
  const isNarrowed = !KNOWN.includes(sent.scope) && nearestKnown(sent.scope) === pattern;
  return isNarrowed ? { scope: pattern, action: "update" } : undefined;
}

/** More segments first, then exact before subtree. */
function ranksAbove(one, other) {
  const [segments, exact] = rank(one);
  const [otherSegments, otherExact] = rank(other);
  return segments > otherSegments || (segments === otherSegments && exact > otherExact);
}

function rank(pattern) {
  if (pattern === "*") return [0, 0];
  return [top(pattern).split(".").length, pattern.endsWith(".*") ? 0 : 1];
}

function nearestKnown(scope) {
  const above = KNOWN.filter((known) => isAtOrUnder(scope, known));
  return above.sort((one, other) => other.length - one.length)[0];
}

export function isAtOrUnder(scope, above) {
  return scope === above || scope.startsWith(`${above}.`);
}
