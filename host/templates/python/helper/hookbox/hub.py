"""The Hub's API, as much of it as plugins in Python have needed: commits and discussions. `http` reaches the rest.

```python
repo = hub.Repo.of(event)
hub.comment_once(repo, event.discussion.num, event.run_id, "Thank you!")
```

The plugin's host adds the token that the grant names: there is none to set here. The Hub is at `https://huggingface.co`,
or where the setting `hub-endpoint` says. Redirects are followed for reading only, and never to another host.

An attempt may be repeated after its calls were made: the host may be killed between a call and the end of the attempt.
So comment with `comment_once`, and open with `open_once`.

An `Error` that nobody catches asks for another attempt when the Hub's rate limit is over, or when the Hub or the network
failed; what no later attempt could do better is rejected.

Sources, named at each call: *hub client* is `huggingface_hub` 2.4.0 with the name of its function. Reading is lenient.
`{T}` is `models`, `datasets` or `spaces`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import config, http
from .event import Event
from .outcome import Advised, Failure, Reject, Retry
from .payload import _maybe_text, _number, _object, _objects, _text, plain

ENDPOINT = "https://huggingface.co"
"""Where the Hub is, unless the setting `hub-endpoint` says otherwise."""

PAGES_MAX = 20
"""Pages that one listing asks for at most."""

LOOKED_AT_MAX = 50
"""The newest discussions of a repo among which `open_once` looks for its own."""

READ_MAX = 5
"""Those of them that it reads at most."""

REDIRECTS_MAX = 3
"""The most redirects that are followed when something is read."""

WAIT, WAIT_MAX = 60.0, 3600.0
"""Seconds to wait after a rate limit that names none, and the longest wait that is believed."""

MARK = "<!-- hookbox "
"""How a run's mark begins."""


class Error(Advised):
    """Why a call of the Hub failed."""

    def __init__(self, call: str, reason: str, response: http.Response | None = None):
        super().__init__(f"{call}: {reason}" if call else reason)
        self.call = call
        self.response = response

    @property
    def status(self) -> int | None:
        """The answer's status, if there was one."""
        return None if self.response is None else self.response.status

    @property
    def is_not_found(self) -> bool:
        """Whether what was asked for is not there (404, 410), or the token may not see it."""
        return self.status in (404, 410)

    def failure(self, reason: str) -> Failure:
        """Another attempt where one could do better."""
        if isinstance(self.__cause__, http.Error):
            return self.__cause__.failure(reason)
        if self.response is None:
            return Reject(reason)
        if self.response.status == 429:
            return Retry(reason, _wait(self.response))
        if self.response.status in (408, 409, 412) or self.response.status >= 500:
            return Retry(reason, _retry_after(self.response))
        # An answer that says yes, and is not what it should be.
        return Retry(reason) if self.response.ok else Reject(reason)


def _retry_after(response: http.Response) -> float | None:
    """The wait by `Retry-After`, if it names seconds. (RFC 9110, section 10.2.3)"""
    said = (response.header("retry-after") or "").strip()
    return min(float(said), WAIT_MAX) if said.isascii() and said.isdigit() else None


def _wait(response: http.Response) -> float:
    """How long a rate limit lasts: `RateLimit: "api";r=0;t=55` of the limits of which nothing remains, a second more as
    times are cut to whole seconds. (hub client, `parse_ratelimit_headers`, `http_backoff`)"""
    waits = []
    for limit in (response.header("ratelimit") or "").split(","):
        parts = dict(part.split("=", 1) for part in limit.replace(" ", "").split(";") if "=" in part)
        remaining, seconds = parts.get("r", ""), parts.get("t", "")
        if remaining == "0" and seconds.isascii() and seconds.isdigit():
            waits.append(float(seconds) + 1)
    wait = max(waits) if waits else _retry_after(response)
    return min(WAIT if wait is None else wait, WAIT_MAX)


def _is_name(text: str) -> bool:
    """Whether a text is one part of a path as it is: letters, digits and `-._`, and no dot first."""
    marks = text.replace("-", "a").replace(".", "a").replace("_", "a")
    return bool(text) and text[0] not in ".-" and marks.isascii() and marks.isalnum()


@dataclass(frozen=True)
class Repo:
    """A repo on the Hub."""

    repo_type: str
    """`model`, `dataset` or `space`."""
    name: str
    """Its name with the namespace; old ones have none (`gpt2`)."""

    def __post_init__(self) -> None:
        if self.repo_type not in ("model", "dataset", "space"):
            raise Error("", f"a repo of the type `{self.repo_type}` has no discussions and no commits")
        parts = self.name.split("/")
        # Nothing that could leave the repo's place in a path. (hub client, `validate_repo_id`)
        if len(self.name) > 200 or len(parts) > 2 or not all(map(_is_name, parts)):
            raise Error("", f"{self.name[:100]!r} is no name of a repo")

    @classmethod
    def of(cls, event: Event) -> Repo:
        """The repo that an event happened to. The payload is not read for it."""
        return cls(event.repo_type or "", event.repo_name or "")

    @property
    def api(self) -> str:
        """Its place in the API: `/api/datasets/my-org/reviews`."""
        return f"/api/{self.repo_type}s/{self.name}"

    def __str__(self) -> str:
        """Its place on the Hub's pages, without the slash before it. (hub client, `REPO_TYPES_URL_PREFIXES`)"""
        return self.name if self.repo_type == "model" else f"{self.repo_type}s/{self.name}"


@dataclass(frozen=True)
class Commit:
    """A commit of a repo."""

    id: str
    """Its id."""
    title: str = ""
    """The first line of its message."""
    date: str = ""
    """When it was made: a time in UTC (RFC 3339)."""
    authors: tuple[str, ...] = ()
    """The names of its authors."""


@dataclass(frozen=True)
class Entry:
    """Something that happened in a discussion."""

    id: str
    """Its id."""
    kind: str
    """`comment`, `status-change`, `title-change`, `commit`, or a later word."""
    author: str
    """The name of who did it; empty if the account is gone."""
    text: str
    """A comment's text as it is now."""
    hidden: bool
    """Whether a comment was hidden."""

    @classmethod
    def read(cls, value: dict[str, Any]) -> Entry:
        """Out of an answer."""
        data = _object(value.get("data"))
        return cls(
            id=_text(value.get("id")),
            kind=_text(value.get("type")),
            author=_text(_object(value.get("author")).get("name")),
            text=_text(_object(data.get("latest")).get("raw")),
            hidden=data.get("hidden") is True,
        )


@dataclass(frozen=True)
class Thread:
    """A discussion or a pull request with all that happened in it."""

    num: int
    """Its number in the repo."""
    title: str
    """Its title."""
    status: str
    """`open`, `draft`, `closed`, `merged`, or a later word."""
    events: tuple[Entry, ...]
    """What happened, oldest first; the first is the text that it was opened with."""

    def comment_of_run(self, run_id: str) -> Entry | None:
        """The comment that a run has written, by its `marker`. Nobody can guess the id of a run before it is written
        somewhere."""
        return next((entry for entry in self.events if _mark_of(entry.text) == marker(run_id)), None)


def marker(run_id: str) -> str:
    """What marks a text as written by a run, and is not shown: `<!-- hookbox RUN-ID -->`."""
    return f"{MARK}{run_id} -->"


def marked(text: str, run_id: str) -> str:
    """A text that ends with the `marker` of a run."""
    return f"{text.rstrip()}\n\n{marker(run_id)}"


def is_marked(text: str) -> bool:
    """Whether a run of any Hookbox plugin has marked that text as its own: whoever answers comments does not answer
    these."""
    return _mark_of(text) is not None


def _mark_of(text: str) -> str | None:
    """The mark that a text ends with, if it does. One above may be of a text that is quoted."""
    lines = text.rstrip().splitlines()
    last = lines[-1].strip() if lines else ""
    return last if last.startswith(MARK) else None


def commits(repo: Repo, revision: str = "main") -> Iterator[Commit]:
    """The commits of a branch, newest first, up to twenty pages of fifty: take as many as are needed, a page is asked for
    when its first is.

    `GET /api/{T}/{repo}/commits/{revision}` (hub client, `list_repo_commits`)
    """
    if not _is_name(revision) or ".." in revision:
        raise Error("", f"{revision!r} cannot stand in a path: name the commit by its id")
    url = f"{endpoint()}{repo.api}/commits/{revision}"
    for _ in range(PAGES_MAX):
        answer = _get(url)
        page = answer.read()
        if not isinstance(page, list):
            raise answer.unreadable("its JSON is of another shape")
        for item in _objects(page):
            authors = tuple(_text(author.get("user")) for author in _objects(item.get("authors")))
            yield Commit(_text(item.get("id")), _text(item.get("title")), _text(item.get("date")), authors)
        following = answer.next_page()
        if following is None:
            return
        url = following


def discussion(repo: Repo, num: int) -> Thread:
    """A discussion or a pull request with all that happened in it.

    `GET /api/{T}/{repo}/discussions/{num}` (hub client, `get_discussion_details`)
    """
    answer = _get(f"{endpoint()}{_place(repo, num)}")
    value = _object(answer.read())
    # Else what is not understood would pass for a discussion in which nothing was said.
    if _number(value.get("num")) != num:
        raise answer.unreadable("it is not that discussion")
    events = tuple(Entry.read(item) for item in _objects(value.get("events")))
    return Thread(num, _text(value.get("title")), _text(value.get("status")), events)


def discussions(repo: Repo, limit: int = LOOKED_AT_MAX) -> list[tuple[int, str]]:
    """The numbers and titles of the newest discussions that are no pull requests. One request for each page of ten.

    `GET /api/{T}/{repo}/discussions?p=…` (hub client, `get_repo_discussions`)
    """
    found: list[tuple[int, str]] = []
    for number in range(PAGES_MAX):
        page = _object(_get(f"{endpoint()}{repo.api}/discussions?p={number}&type=discussion&status=all").read())
        listed = _objects(page.get("discussions"))
        found.extend((_number(one.get("num")) or 0, _text(one.get("title"))) for one in listed)
        seen = (_number(page.get("start")) or 0) + len(listed)
        if not listed or seen >= (_number(page.get("count")) or 0) or len(found) >= limit:
            break
    return found[:limit]


def open_once(repo: Repo, run_id: str, title: str, text: str) -> int:
    """Opens a discussion unless this run has opened it: its text ends with the run's `marker`, which is looked for
    first, in those of that title among the fifty newest. Returns its number. A title has 3 to 200 characters.

    `GET /api/{T}/{repo}/discussions?…`, `GET …/discussions/{num}`, then `POST …/discussions` (hub client,
    `get_repo_discussions`, `get_discussion_details`, `create_discussion`)
    """
    title = title.strip()
    if not 3 <= len(title) <= 200:
        raise Error("", f"a title has 3 to 200 characters, and {title[:200]!r} has {len(title)}")
    alike = [num for num, other in discussions(repo) if other.strip() == title]
    for num in alike[:READ_MAX]:
        events = discussion(repo, num).events
        if events and _mark_of(events[0].text) == marker(run_id):
            return num
    body = {"title": title, "description": marked(text, run_id), "pullRequest": False}
    answer = _post(f"{repo.api}/discussions", body)
    opened = _number(_object(answer.read()).get("num"))
    if not opened:
        raise answer.unreadable("it names no discussion")
    return opened


def comment_once(repo: Repo, num: int, run_id: str, text: str) -> bool:
    """Writes a comment unless this run has written one there: it ends with the run's `marker`, which is looked for
    first. Returns whether it was written now.

    `GET /api/{T}/{repo}/discussions/{num}`, then `POST …/comment` (hub client, `get_discussion_details`,
    `comment_discussion`)
    """
    if discussion(repo, num).comment_of_run(run_id) is not None:
        return False
    _post(f"{_place(repo, num)}/comment", {"comment": marked(text, run_id)})
    return True


def endpoint() -> str:
    """Where the Hub is, without a slash at the end."""
    url = (config.get("hub-endpoint") or ENDPOINT).rstrip("/")
    request = http.Request("GET", url)
    if http._unsendable(request) is not None or request.origin != url:
        wrong = "is not `https://` and a host, with nothing after it: mend it under `[config]` of the plugin's grant"
        raise config.Missing(f"the setting `hub-endpoint` {wrong}")
    return url


def _place(repo: Repo, num: int) -> str:
    if not isinstance(num, int) or num < 1:
        raise Error("", f"{num!r} is no number of a discussion: they begin at 1")
    return f"{repo.api}/discussions/{num}"


@dataclass(frozen=True)
class _Answer:
    """An answer that says yes."""

    request: http.Request
    response: http.Response

    @property
    def call(self) -> str:
        """Method and path of what was asked, without the query."""
        return f"{self.request.method} {self.request.path.partition('?')[0]}"

    def read(self) -> Any:
        """What it says."""
        try:
            return self.response.json()
        except (ValueError, RecursionError) as error:
            raise self.unreadable(f"it is no JSON ({error})") from None

    def unreadable(self, why: str) -> Error:
        """The error of an answer that is not what it should be."""
        return Error(self.call, f"the answer cannot be read: {why}", self.response)

    def next_page(self) -> str | None:
        """The next page of a list, on the same host. (RFC 8288; hub client, `paginate`)"""
        for link in (self.response.header("link") or "").split(","):
            address, _, parameters = link.strip().partition(">")
            if address.startswith("<") and 'rel="next"' in parameters.replace(" ", ""):
                return self.same_origin(address[1:])
        return None

    def same_origin(self, reference: str) -> str:
        """The address that a reference leads to, if it stays on the host."""
        origin = self.request.origin
        if reference.startswith("/") and not reference.startswith("//"):
            return origin + reference
        target = http.Request("GET", reference)
        if target.origin.lower() != origin.lower():
            raise Error(self.call, f"it leads to {target.authority or reference[:100]}, and other hosts are not followed to")
        return origin + target.path

    def redirect(self) -> str | None:
        """Where it redirects to, if it does."""
        location = self.response.header("location")
        if location is None or self.response.status not in (301, 302, 303, 307, 308):
            return None
        return self.same_origin(location)

    def checked(self) -> _Answer:
        """The answer, if it says yes."""
        if self.response.ok:
            return self
        said = f"the Hub answers {self.response.status}"
        words = _words(self.response)
        raise Error(self.call, f"{said}: {words}" if words else said, self.response)


def _words(response: http.Response) -> str:
    """What the Hub said: a header, or the body's `error`. (hub client, `_format`)"""
    said = response.header("x-error-message")
    if said is None:
        try:
            said = _maybe_text(_object(response.json()).get("error"))
        except (ValueError, RecursionError):
            # A body that is no JSON, as a proxy's, says nothing.
            said = None
    return "".join(letter for letter in plain(said or "") if letter.isprintable())[:300]


def _send(method: str, url: str, body: Any = None) -> _Answer:
    request = http.Request(method, url)
    try:
        return _Answer(request, http.request(method, url, json=body))
    except http.Error as error:
        path = request.path.partition("?")[0]
        raise Error(f"{method} {path}", f"there is no answer: {error.detail}") from error


def _get(url: str) -> _Answer:
    """Reads an address of the Hub, and what it redirects to on the same host."""
    for _ in range(REDIRECTS_MAX + 1):
        answer = _send("GET", url)
        following = answer.redirect()
        if following is None:
            return answer.checked()
        url = following
    raise Error(f"GET {url.partition('?')[0]}", f"it redirects more than {REDIRECTS_MAX} times", answer.response)


def _post(path: str, body: Any) -> _Answer:
    """Sends what changes something: it is never sent anywhere else."""
    answer = _send("POST", endpoint() + path, body)
    following = answer.redirect()
    if following is not None:
        # What stands behind the path may be a signature.
        moved = http.Request("GET", following).path.partition("?")[0]
        raise Error(answer.call, f"it has moved to {moved}")
    return answer.checked()
