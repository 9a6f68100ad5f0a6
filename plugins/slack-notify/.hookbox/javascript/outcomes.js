// What a handler answers: done, ignored, try again later, or never try again.

/** How a delivery was handled. */
export class Outcome {
  constructor(kind, text) {
    this.kind = kind;
    this.text = text;
  }
}

export function done(text) {
  return new Outcome("done", told(text));
}

export function ignored(text) {
  return new Outcome("ignored", told(text));
}

function told(text) {
  if (text === undefined || text === null) return undefined;
  return typeof text === "string" ? text : JSON.stringify(text);
}

export class Retry extends Error {
  constructor(reason, { afterMs, cause } = {}) {
    super(String(reason), cause === undefined ? undefined : { cause });
    this.name = "Retry";
    if (afterMs !== undefined && !(Number.isFinite(afterMs) && afterMs >= 0)) {
      throw new TypeError(`new Retry(): afterMs is a number of milliseconds, not ${afterMs}`);
    }
    this.afterMs = afterMs;
  }
}

export class Reject extends Error {
  constructor(reason, { cause } = {}) {
    super(String(reason), cause === undefined ? undefined : { cause });
    this.name = "Reject";
  }
}

/** What a handler returned, as an outcome. */
export function outcomeOf(answer) {
  if (answer instanceof Outcome) return answer;
  if (answer === undefined || typeof answer === "string") return done(answer);
  throw new TypeError(`a handler returns done(…), ignored(…), a text or nothing, and not ${shown(answer)}`);
}

/** What was thrown, as a `Retry` or a `Reject`. Whatever says nothing of it asks for another attempt. */
export function failureOf(thrown) {
  if (thrown instanceof Retry || thrown instanceof Reject) return thrown;
  const reason = reasonOf(thrown);
  for (const error of chain(thrown)) {
    if (error instanceof Retry) return new Retry(reason, { afterMs: error.afterMs, cause: thrown });
    if (error instanceof Reject || error?.isFinal === true) return new Reject(reason, { cause: thrown });
    if (error?.afterMs !== undefined) return new Retry(reason, { afterMs: error.afterMs, cause: thrown });
  }
  return new Retry(reason, { cause: thrown });
}

/** The text of an error, and of every one beneath it. */
function reasonOf(thrown) {
  const texts = chain(thrown).map((error) => {
    if (!(error instanceof Error)) return shown(error);
    // What is wrong with the plugin itself is told with its kind.
    const isPlain = error.name === "Error" || error.isOrdinary === true;
    return isPlain || error instanceof Retry || error instanceof Reject ? error.message : `${error.name}: ${error.message}`;
  });
  return texts.filter((text) => text !== "").join(": ") || "the handler failed without saying why";
}

/** An error and those beneath it; a few, as a cause may be its own. */
function chain(thrown) {
  const found = [thrown];
  while (found.length < 10) {
    const cause = found.at(-1)?.cause;
    if (cause === undefined || cause === null || found.includes(cause)) break;
    found.push(cause);
  }
  return found;
}

function shown(value) {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
