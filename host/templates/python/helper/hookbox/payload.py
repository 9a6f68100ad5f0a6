"""What the Hub sends, typed.

Reading is lenient: whatever is missing or has an unexpected type is absent (`None`, an empty text, an empty list), and
words that this version does not know are kept. What has no field here is in `Event.payload`.

Sources, named at each field: *docs* is the Hub's page on webhooks (`docs/hub/webhooks.md` of `huggingface/hub-docs`),
*2026 docs* are its changes of August and September 2026, *hub client* is `_webhooks_payload.py` of `huggingface_hub`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def plain(text: str) -> str:
    """A text without halves of surrogate pairs, which JSON may have and UTF-8 has not."""
    return text.encode("utf-8", "replace").decode()


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _maybe_text(value: Any) -> str | None:
    return plain(value) if isinstance(value, str) else None


def _text(value: Any) -> str:
    return _maybe_text(value) or ""


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


@dataclass(frozen=True)
class Url:
    """Where something is on the Hub. Other Hubs than huggingface.co send their own hosts: never send a token to a host
    because it stands here."""

    web: str | None = None
    """For people. (docs)"""
    api: str | None = None
    """For programs. (docs; comments have none)"""

    @classmethod
    def read(cls, value: Any) -> Url:
        """Out of a payload."""
        value = _object(value)
        return cls(_maybe_text(value.get("web")), _maybe_text(value.get("api")))


@dataclass(frozen=True)
class Account:
    """A user or an organisation. The Hub sends no names."""

    id: str = ""
    """Its id. (docs)"""

    @classmethod
    def read(cls, value: Any) -> Account:
        """Out of a payload."""
        return cls(_text(_object(value).get("id")))


@dataclass(frozen=True)
class Repo:
    """The repo that an event happened to."""

    repo_type: str = ""
    """`model`, `dataset`, `space`, `bucket`, or a later word. (docs)"""
    name: str = ""
    """Its name with the namespace, `openai-community/gpt2`; old ones have none. (docs)"""
    id: str = ""
    """Its id, which survives a rename. (docs)"""
    private: bool | None = None
    """Whether it is private; `None` if not told, so that nobody takes a private repo for a public one. (docs)"""
    head_sha: str | None = None
    """The head of `main`, where the scope is `repo` or under it, but not for buckets. (docs)"""
    tags: list[str] = field(default_factory=list)
    """Its tags. (docs of 2025, for models; no longer documented)"""
    subdomain: str | None = None
    """The subdomain of a Space's app. (hub client)"""
    url: Url = Url()
    """Its pages. (docs)"""
    owner: Account = Account()
    """Who owns it. (docs)"""

    @classmethod
    def read(cls, value: Any) -> Repo:
        """Out of a payload."""
        value = _object(value)
        private, tags = value.get("private"), value.get("tags")
        return cls(
            repo_type=_text(value.get("type")),
            name=_text(value.get("name")),
            id=_text(value.get("id")),
            private=private if isinstance(private, bool) else None,
            head_sha=_maybe_text(value.get("headSha")),
            tags=[plain(tag) for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [],
            subdomain=_maybe_text(value.get("subdomain")),
            url=Url.read(value.get("url")),
            owner=Account.read(value.get("owner", value.get("author"))),
        )

    @property
    def is_model(self) -> bool:
        """Whether it is a model."""
        return self.repo_type == "model"

    @property
    def is_dataset(self) -> bool:
        """Whether it is a dataset."""
        return self.repo_type == "dataset"

    @property
    def is_space(self) -> bool:
        """Whether it is a Space."""
        return self.repo_type == "space"

    @property
    def is_bucket(self) -> bool:
        """Whether it is a bucket."""
        return self.repo_type == "bucket"

    @property
    def namespace(self) -> str | None:
        """The user or organisation in its name; old repos have none (`gpt2`)."""
        namespace, slash, _ = self.name.partition("/")
        return namespace if slash else None


@dataclass(frozen=True)
class Changes:
    """What a pull request changes."""

    base: str | None = None
    """The ref it goes into, `refs/heads/main`. (docs)"""
    merge_commit_id: str | None = None
    """The commit that merged it. (hub client)"""

    @classmethod
    def read(cls, value: Any) -> Changes | None:
        """Out of a payload."""
        if not isinstance(value, dict):
            return None
        return cls(_maybe_text(value.get("base")), _maybe_text(value.get("mergeCommitId")))


@dataclass(frozen=True)
class Discussion:
    """A discussion or a pull request."""

    id: str = ""
    """Its id. (docs)"""
    num: int = 0
    """Its number in the repo; 0 if not told. (docs)"""
    title: str = ""
    """Its title. (docs)"""
    status: str = ""
    """`open`, `draft`, `closed`, `merged`, or a later word. (hub client)"""
    author: Account = Account()
    """Who opened it. (docs)"""
    url: Url = Url()
    """Its pages. (docs)"""
    is_pull_request: bool = False
    """Whether it is a pull request. (docs)"""
    changes: Changes | None = None
    """What a pull request changes. (docs)"""
    pinned: bool = False
    """Whether it is pinned. (hub client)"""

    @classmethod
    def read(cls, value: Any) -> Discussion | None:
        """Out of a payload."""
        if not isinstance(value, dict):
            return None
        return cls(
            id=_text(value.get("id")),
            num=_number(value.get("num")) or 0,
            title=_text(value.get("title")),
            status=_text(value.get("status")),
            author=Account.read(value.get("author")),
            url=Url.read(value.get("url")),
            is_pull_request=value.get("isPullRequest") is True,
            changes=Changes.read(value.get("changes")),
            pinned=value.get("pinned") is True,
        )

    @property
    def is_open(self) -> bool:
        """Whether work on it goes on: open or draft."""
        return self.status in ("open", "draft")

    @property
    def is_merged(self) -> bool:
        """Whether it is a pull request that was merged."""
        return self.status == "merged"


@dataclass(frozen=True)
class Comment:
    """A comment in a discussion."""

    id: str = ""
    """Its id. (docs)"""
    author: Account = Account()
    """Who wrote it. (docs)"""
    content: str | None = None
    """Its text in Markdown; absent when it is hidden. (docs)"""
    hidden: bool = False
    """Whether it was hidden. (docs)"""
    url: Url = Url()
    """Its page. (docs)"""

    @classmethod
    def read(cls, value: Any) -> Comment | None:
        """Out of a payload."""
        if not isinstance(value, dict):
            return None
        return cls(
            id=_text(value.get("id")),
            author=Account.read(value.get("author")),
            content=_maybe_text(value.get("content")),
            hidden=value.get("hidden") is True,
            url=Url.read(value.get("url")),
        )

    @property
    def is_visible(self) -> bool:
        """Whether it can be read: it was not hidden. Only then is there a text."""
        return not self.hidden


@dataclass(frozen=True)
class MovedTo:
    """Where a repo was moved to."""

    name: str = ""
    """Its new name with the namespace. (hub client)"""
    owner: Account = Account()
    """Its new owner. (hub client)"""

    @classmethod
    def read(cls, value: Any) -> MovedTo | None:
        """Out of a payload. Payloads before version 3 sent the name alone."""
        if isinstance(value, str):
            return cls(plain(value))
        if not isinstance(value, dict):
            return None
        return cls(_text(value.get("name")), Account.read(value.get("owner")))


@dataclass(frozen=True)
class RefUpdate:
    """A branch, a tag or a pull request's ref that changed."""

    name: str = ""
    """Its full name: `refs/heads/main`, `refs/tags/v1`, `refs/pr/5`, `refs/convert/parquet`. (docs)"""
    old_sha: str | None = None
    """Its commit before; absent if it was created. (docs)"""
    new_sha: str | None = None
    """Its commit now; absent if it was deleted. (docs)"""

    @classmethod
    def read(cls, value: dict[str, Any]) -> RefUpdate:
        """Out of a payload."""
        return cls(_text(value.get("ref")), _maybe_text(value.get("oldSha")), _maybe_text(value.get("newSha")))

    @property
    def created(self) -> bool:
        """Whether it is new."""
        return self.old_sha is None and self.new_sha is not None

    @property
    def deleted(self) -> bool:
        """Whether it is gone."""
        return self.old_sha is not None and self.new_sha is None

    @property
    def updated(self) -> bool:
        """Whether it points to another commit: it was there, and it still is."""
        return not self.created and not self.deleted

    @property
    def old_commit(self) -> str | None:
        """Its commit before, if that is a commit's id, so that it can be asked for."""
        return _commit(self.old_sha)

    @property
    def new_commit(self) -> str | None:
        """Its commit now, if that is a commit's id, so that it can be asked for."""
        return _commit(self.new_sha)

    @property
    def is_branch(self) -> bool:
        """Whether it is a branch."""
        return self.name.startswith("refs/heads/")

    @property
    def is_tag(self) -> bool:
        """Whether it is a tag."""
        return self.name.startswith("refs/tags/")

    @property
    def is_pull_request(self) -> bool:
        """Whether it belongs to a pull request."""
        return self.name.startswith("refs/pr/")

    @property
    def short_name(self) -> str:
        """Its name without the kind: `main`, `v1`, `5`; the full name if it is of no known kind."""
        for kind in ("refs/heads/", "refs/tags/", "refs/pr/"):
            if self.name.startswith(kind):
                return self.name[len(kind) :]
        return self.name


def _commit(sha: str | None) -> str | None:
    """A commit's id: 7 to 64 hexadecimal digits."""
    if sha is not None and 7 <= len(sha) <= 64 and all(digit in "0123456789abcdefABCDEF" for digit in sha):
        return sha
    return None


@dataclass(frozen=True)
class FileUpdate:
    """A bucket's file that changed."""

    path: str = ""
    """Its path. (2026 docs)"""
    action: str = ""
    """`add` (or written over), `delete`, or a later word. (2026 docs)"""
    xet_hash: str | None = None
    """The hash of its content. (2026 docs)"""
    size: int | None = None
    """Its size in bytes. (2026 docs)"""

    @classmethod
    def read(cls, value: dict[str, Any]) -> FileUpdate:
        """Out of a payload."""
        return cls(
            _text(value.get("path")),
            _text(value.get("action")),
            _maybe_text(value.get("xetHash")),
            _number(value.get("size")),
        )


def refs(value: Any) -> list[RefUpdate]:
    """The refs of a payload that changed."""
    return [RefUpdate.read(item) for item in _objects(value)]


def files(value: Any) -> list[FileUpdate]:
    """The files of a payload that changed."""
    return [FileUpdate.read(item) for item in _objects(value)]
