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
  return shown(text);
}

/** The options of an error, if it has no others than those known. */
function checked(options, known, place) {
  const isObject = typeof options === "object" && options !== null;
  const unknown = isObject ? Object.keys(options).find((name) => !known.includes(name)) : "";
  if (unknown === undefined) return options;
  throw new TypeError(`${place}: the second argument is an object with ${known.join(", ")}, and not ${shown(options)}`);
}

export class Retry extends Error {
  constructor(reason, options = {}) {
    const { afterMs, cause } = checked(options, ["afterMs", "cause"], "new Retry()");
    super(String(reason), cause === undefined ? undefined : { cause });
    this.name = "Retry";
    if (afterMs !== undefined && !isWait(afterMs)) {
      throw new TypeError(`new Retry(): afterMs is a number of milliseconds, not ${afterMs}`);
    }
    this.afterMs = afterMs;
  }
}

export class Reject extends Error {
  constructor(reason, options = {}) {
    const { cause } = checked(options, ["cause"], "new Reject()");
    super(String(reason), cause === undefined ? undefined : { cause });
    this.name = "Reject";
  }
}

const isWait = (ms) => Number.isFinite(ms) && ms >= 0;

/** What a handler returned, as an outcome. Another attempt would return the same, and do again what was done before. */
export function outcomeOf(answer) {
  if (answer instanceof Outcome) return answer;
  if (answer === undefined || answer === null || typeof answer === "string") return done(answer);
  if (answer instanceof Error) throw new Reject(`a handler returned a ${answer.name}: \`throw\` it (${answer.message})`);
  throw new Reject(`a handler returns done(…), ignored(…), a text or nothing, and not ${shown(answer)}`);
}

/** What was thrown, as a `Retry` or a `Reject`. Whatever says nothing of it asks for another attempt. */
export function failureOf(thrown) {
  if (thrown instanceof Retry || thrown instanceof Reject) return thrown;
  const reason = reasonOf(thrown);
  for (const error of chain(thrown)) {
    if (error instanceof Retry) return new Retry(reason, { afterMs: error.afterMs, cause: thrown });
    if (error instanceof Reject || error?.isFinal === true) return new Reject(reason, { cause: thrown });
    // Somebody else's error may have anything there.
    if (isWait(error?.afterMs)) return new Retry(reason, { afterMs: error.afterMs, cause: thrown });
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

/** A value as text, whatever it is. */
export function shown(value) {
  if (typeof value === "string") return value;
  const whole = (_, part) => (typeof part === "bigint" ? String(part) : part);
  try {
    return JSON.stringify(value, whole) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** The most characters of a text that goes to the host as one: each costs the engine some 2,600 fuel. */
export const TEXT_MAX = 16_384;

/** A text that is short enough to be handed over, or its beginning and how much there was. */
export function cut(text) {
  if (text.length <= TEXT_MAX) return text;
  return `${text.slice(0, TEXT_MAX).toWellFormed()}… (${TEXT_MAX} of ${text.length} characters)`;
}
