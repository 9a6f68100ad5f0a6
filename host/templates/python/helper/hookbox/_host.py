"""The host of a component, by the interface's imports. Nothing else in this helper knows `wit_world`, which is there
only where the component is made."""

from __future__ import annotations

from typing import Any

from componentize_py_types import Err, Ok
from wit_world.imports import atomics, logging, outgoing_handler, raw
from wit_world.imports import wasi_config_store as store
from wit_world.imports import wasi_http_types as wasi
from wit_world.imports import wasi_keyvalue_store as keyvalue
from wit_world.imports.streams import StreamError_Closed

from . import http, state
from .payload import plain

READ_BYTES = 64 * 1024
"""The most bytes of an answer that are taken from the host at once."""

WRITE_BYTES = 4096
"""The most bytes that may be written at once and flushed."""

LEVELS = {
    "trace": logging.Level.TRACE,
    "debug": logging.Level.DEBUG,
    "info": logging.Level.INFO,
    "warn": logging.Level.WARN,
    "error": logging.Level.ERROR,
}

METHODS = {
    "GET": wasi.Method_Get,
    "HEAD": wasi.Method_Head,
    "POST": wasi.Method_Post,
    "PUT": wasi.Method_Put,
    "DELETE": wasi.Method_Delete,
    "CONNECT": wasi.Method_Connect,
    "OPTIONS": wasi.Method_Options,
    "TRACE": wasi.Method_Trace,
    "PATCH": wasi.Method_Patch,
}


def payload() -> bytes:
    """The exact bytes of the request's body."""
    return raw.payload()


def header(name: str) -> str | None:
    """A kept request header."""
    return raw.header(plain(name))


class Host:
    """What a plugin can ask for."""

    def log(self, level: str, context: str, message: str) -> None:
        """Writes a line."""
        logging.log(LEVELS[level], plain(context), plain(message))

    def now_ms(self) -> int | None:
        """Nothing: Python's own clock is the host's."""
        return None

    def setting(self, key: str) -> str | None:
        """A setting."""
        try:
            return store.get(plain(key))
        except Err as error:
            raise _unreadable(error) from None

    def settings(self) -> list[tuple[str, str]]:
        """All settings."""
        try:
            return store.get_all()
        except Err as error:
            raise _unreadable(error) from None

    def state(self) -> State:
        """The plugin's state."""
        try:
            return State(keyvalue.open(""))
        except Err as error:
            raise _refused(error) from None

    def send(self, request: http.Request) -> http.Response:
        """Sends a request. It is handed over before its body is written: the host holds only so much of a body that
        nobody reads yet."""
        outgoing = _head(request)
        body = outgoing.body() if request.body else None
        try:
            answer = outgoing_handler.handle(outgoing, _options(request))
        except Err as error:
            raise _told(request, error.value) from None
        if body is not None:
            _write(body, request.body)
        return _receive(request, answer)


class State:
    """The plugin's bucket; the host has no other for it."""

    def __init__(self, bucket: Any):
        self._bucket = bucket

    def get(self, key: str) -> bytes | None:
        """The value of a key."""
        value: bytes | None = self._call(self._bucket.get, plain(key))
        return value

    def set(self, key: str, value: bytes) -> None:
        """Keeps a value."""
        self._call(self._bucket.set, plain(key), value)

    def delete(self, key: str) -> None:
        """Forgets a key."""
        self._call(self._bucket.delete, plain(key))

    def exists(self, key: str) -> bool:
        """Whether there is a value."""
        return bool(self._call(self._bucket.exists, plain(key)))

    def increment(self, key: str, by: int) -> int:
        """Adds to a number."""
        return int(self._call(atomics.increment, self._bucket, plain(key), by))

    def keys(self) -> list[str]:
        """All keys."""
        found: list[str] = []
        cursor: int | None = None
        while True:
            page = self._call(self._bucket.list_keys, cursor)
            found.extend(page.keys)
            cursor = page.cursor
            if cursor is None:
                return found

    @staticmethod
    def _call(function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Err as error:
            raise _refused(error) from None


def _unreadable(error: Err[Any]) -> Exception:
    return RuntimeError(f"the settings cannot be read: {error.value.value}")


def _refused(error: Err[Any]) -> state.Error:
    if isinstance(error.value, keyvalue.Error_AccessDenied):
        return state.Error("the state is not granted: add `[state]` to the plugin's grant")
    if isinstance(error.value, keyvalue.Error_NoSuchStore):
        return state.Error("the host knows no such store")
    return state.Error(error.value.value)


def _head(request: http.Request) -> wasi.OutgoingRequest:
    """The request's head, with the length of what follows it."""
    headers = [(plain(name), plain(value).encode()) for name, value in request.headers]
    has_body = request.body or request.method in ("POST", "PUT", "PATCH")
    if has_body and request.header("content-length") is None:
        headers.append(("content-length", str(len(request.body)).encode()))
    method = METHODS.get(request.method)
    is_https = request.origin.lower().startswith("https:")
    try:
        outgoing = wasi.OutgoingRequest(wasi.Fields.from_list(headers))
        outgoing.set_method(method() if method else wasi.Method_Other(plain(request.method)))
        outgoing.set_scheme(wasi.Scheme_Https() if is_https else wasi.Scheme_Http())
        outgoing.set_authority(request.authority)
        outgoing.set_path_with_query(request.path)
    except Err:
        reason = "the method, the address or a header is not well-formed, or reserved to the host"
        raise http.Error("invalid", reason, str(request)) from None
    return outgoing


def _options(request: http.Request) -> wasi.RequestOptions | None:
    if request.timeout is None:
        return None
    wait = max(0, min(int(request.timeout * 1_000_000_000), (1 << 64) - 1))
    options = wasi.RequestOptions()
    options.set_connect_timeout(wait)
    options.set_first_byte_timeout(wait)
    options.set_between_bytes_timeout(wait)
    return options


def _write(body: wasi.OutgoingBody, data: bytes) -> None:
    """Writes the body and ends it. Why nobody took it is said by the answer, or by why there is none."""
    try:
        with body.write() as stream:
            for start in range(0, len(data), WRITE_BYTES):
                stream.blocking_write_and_flush(data[start : start + WRITE_BYTES])
        wasi.OutgoingBody.finish(body, None)
    except Err:
        pass


def _receive(request: http.Request, answer: Any) -> http.Response:
    """Waits for the answer and reads all of it."""
    with answer.subscribe() as ready:
        ready.block()
    result = answer.get()
    # An answer that was taken already, or failed, within one that is there: two results, one in the other.
    while isinstance(result, Ok):
        result = result.value
    if isinstance(result, Err):
        raise _told(request, result.value)
    if result is None:
        raise http.Error("broken", "the host has no answer", str(request))
    headers = {name.lower(): value.decode("utf-8", "replace") for name, value in result.headers().entries()}
    return http.Response(result.status(), headers, _read(request, result))


def _read(request: http.Request, incoming: Any) -> bytes:
    parts = []
    try:
        with incoming.consume() as body, body.stream() as stream:
            while True:
                parts.append(stream.blocking_read(READ_BYTES))
    except Err as error:
        if isinstance(error.value, StreamError_Closed):
            return b"".join(parts)
        raise _interrupted(request, error.value) from None


def _interrupted(request: http.Request, fault: Any) -> http.Error:
    """A body that was interrupted. The host has no code for it, only a text."""
    cause = getattr(fault, "value", None)
    text = "closed early" if cause is None else cause.to_debug_string()
    words = text.lower()
    kind = "broken"
    if "exceeds limit" in words or "bodysize" in words:
        kind = "too-large"
    elif "timeout" in words or "timed out" in words:
        kind = "timeout"
    return http.Error(kind, f"the body was interrupted ({text})", str(request))


KINDS = {
    "denied": ("HttpRequestDenied", "ConfigurationError"),
    "prohibited": ("DestinationIpProhibited", "DestinationIpUnroutable"),
    "unknown-host": ("DnsError", "DestinationNotFound"),
    "timeout": (
        "DnsTimeout",
        "ConnectionTimeout",
        "ConnectionReadTimeout",
        "ConnectionWriteTimeout",
        "HttpResponseTimeout",
    ),
    "unreachable": (
        "ConnectionRefused",
        "ConnectionTerminated",
        "ConnectionLimitReached",
        "DestinationUnavailable",
    ),
    "tls": ("TlsProtocolError", "TlsCertificateError", "TlsAlertReceived"),
    "too-large": (
        "HttpRequestBodySize",
        "HttpResponseBodySize",
        "HttpResponseHeaderSectionSize",
        "HttpResponseHeaderSize",
    ),
    "invalid": ("HttpRequestMethodInvalid", "HttpRequestUriInvalid", "HttpRequestUriTooLong"),
}

DETAILS = {
    "denied": "the grant does not allow it, and the attempt's calls say which line would",
    "prohibited": "the name leads to an address that plugins may not reach",
    "unknown-host": "the host's name is not known",
    "timeout": "there was no answer in time",
    "unreachable": "there is no connection",
    "tls": "there is no safe connection",
    "too-large": "the request or its answer is larger than is allowed",
    "invalid": "the host refuses the request as malformed",
    "broken": "the answer is broken",
}


def _told(request: http.Request, code: Any) -> http.Error:
    """The host's code as an error."""
    name = type(code).__name__.removeprefix("ErrorCode_")
    kind = next((kind for kind, names in KINDS.items() if name in names), "broken")
    said = getattr(code, "value", None)
    shown = f"{name}: {said}" if isinstance(said, str) and said else name
    return http.Error(kind, f"{DETAILS[kind]} ({shown})", str(request))
