"""Requests over https to hosts that the operator granted.

```python
answer = http.post("https://example.org/notes", json={"text": "hello"})
if not answer.ok:
    raise Retry(f"the notes answer {answer.status}")
```

Declare the host with `Want.http`. The host adds the credential that the grant names: there is none to set here. It
follows no redirects. `urllib`, `requests` and sockets do not work in a sandbox; this does.

A request without an answer raises `Error`. Uncaught, that asks for another attempt, unless the request itself is the
fault.
"""

from __future__ import annotations

import json as _json
from dataclasses import dataclass, field
from typing import Any

from ._given import asked
from .outcome import Advised, Failure, Reject, Retry


class Error(Advised):
    """Why a request has no answer."""

    def __init__(self, kind: str, detail: str, request: str = ""):
        super().__init__(f"{request}: {detail}" if request else detail)
        self.kind = kind
        """`invalid`, `denied` (the grant does not allow it, or its budget is used up), `prohibited`, `unknown-host`,
        `unreachable`, `tls`, `timeout`, `too-large` or `broken`."""
        self.detail = detail

    def failure(self, reason: str) -> Failure:
        """Another attempt, unless the request itself is the fault."""
        return Reject(reason) if self.kind in ("invalid", "too-large") else Retry(reason)


@dataclass(frozen=True)
class Request:
    """A request, as it is sent."""

    method: str
    url: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    timeout: float | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self.url[: len(self.url) - len(self._rest)]

    @property
    def path(self) -> str:
        """The address from its path on: `/api/models?limit=5`."""
        rest = self._rest
        return rest if rest.startswith("/") else f"/{rest}"

    @property
    def _rest(self) -> str:
        _, _, after = self.url.partition("://")
        ends = [place for place in (after.find(mark) for mark in "/?#") if place >= 0]
        return after[min(ends) :] if ends else ""

    @property
    def authority(self) -> str:
        """The host, and the port if one is named."""
        return self.origin.partition("://")[2]

    def header(self, name: str) -> str | None:
        """The first header of that case-insensitive name."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        return _json.loads(self.body)

    def __str__(self) -> str:
        """Method and address without the query, which may hold what is nobody's business."""
        return f"{self.method} {self.url.partition('?')[0]}"


@dataclass(frozen=True)
class Response:
    """A whole answer, whatever its status."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    """By names in lower case; of several with one name the last."""
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text. Bytes that are no UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")

    def header(self, name: str) -> str | None:
        """A header, by its case-insensitive name."""
        return self.headers.get(name.lower())

    def json(self) -> Any:
        """The body as JSON. Raises `ValueError` if it is none."""
        return _json.loads(self.body)


def get(url: str, *, headers: dict[str, str] | None = None, timeout: float | None = None) -> Response:
    """A `GET`."""
    return request("GET", url, headers=headers, timeout=timeout)


def post(
    url: str,
    *,
    json: Any = None,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    timeout: float | None = None,
) -> Response:
    """A `POST`, with a JSON value or with bytes."""
    return request("POST", url, json=json, body=body, headers=headers, timeout=timeout)


def request(
    method: str,
    url: str,
    *,
    json: Any = None,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    timeout: float | None = None,
) -> Response:
    """Sends a request and waits for the whole answer, whatever its status; `timeout` in seconds, if shorter than the
    grant's: for the connection, for the head of the answer, and between two parts of it."""
    sent = list((headers or {}).items())
    if json is not None:
        if body:
            raise ValueError("a request has `json` or a `body`, not both")
        body = _json.dumps(json, ensure_ascii=False).encode("utf-8", "replace")
        if not any(name.lower() == "content-type" for name, _ in sent):
            sent.append(("content-type", "application/json"))
    made = Request(method, url, sent, bytes(body), timeout)
    reason = _unsendable(made)
    if reason is not None:
        raise Error("invalid", reason, str(made))
    answer: Response = asked().send(made)
    return answer


def _unsendable(request: Request) -> str | None:
    """What could not be sent. What is only strange is left to the host to judge."""
    url = request.url
    if any(not " " < letter < "\x7f" for letter in url):
        return "the address has a blank, a control character or one that is not ASCII: percent-encode it"
    scheme, mark, _ = url.partition("://")
    if not mark or scheme.lower() not in ("https", "http"):
        return "the address does not begin with `https://`"
    if not request.authority:
        return "the address names no host"
    if "@" in request.authority:
        return "the address carries a user name: credentials are the grant's business"
    if "#" in request.path:
        return "the address has a fragment (`#…`)"
    return None


def encoded(text: str) -> str:
    """A text as one part of a path or a query: letters, digits and `-._~` stay, all else is percent-encoded."""
    plain = "-._~"
    return "".join(
        chr(byte) if chr(byte) in plain or (byte < 128 and chr(byte).isalnum()) else f"%{byte:02X}"
        for byte in text.encode("utf-8", "replace")
    )
