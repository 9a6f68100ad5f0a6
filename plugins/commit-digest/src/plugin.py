"""Writes what was pushed to `main` into one discussion of the repo: a comment for each burst of pushes."""

from hookbox import ContentEvent, Want, done, hub, ignored, on, plugin, state

BRANCH = "refs/heads/main"
TITLE = "Commit digest"
INTRODUCTION = "What is pushed to `main` is told here, in one comment for several pushes. Closing this does not end that."

LISTED_MAX = 50
"""The most commits that a comment lists."""

LOOKED_AT_MAX = 500
"""The most commits that are looked through for where the last digest ended."""

plugin(
    description="Writes what was pushed to main into one discussion",
    wants=[
        Want.http(
            "huggingface.co",
            methods=["GET"],
            paths=["/api/*/*/*/commits/main", "/api/*/*/*/discussions", "/api/*/*/*/discussions/*"],
            credential="a token that may read the repos and write discussions",
            required=True,
            because="it reads what was pushed, and what it wrote before",
        ),
        Want.http(
            "huggingface.co",
            methods=["POST"],
            paths=["/api/*/*/*/discussions", "/api/*/*/*/discussions/*/comment"],
            credential="a token that may read the repos and write discussions",
            required=True,
            because="it writes its digests",
        ),
        Want.state("the last commit that was told, and the discussion, of each repo", required=True),
    ],
)


@on("repo.content", actions=["update"])
def digest(event: ContentEvent):
    head = next((ref.new_commit for ref in event.refs if ref.name == BRANCH and ref.new_commit), None)
    if head is None:
        return ignored("nothing was pushed to main")
    repo = hub.Repo.of(event)
    # By its id: a rename changes nothing.
    key = event.repo_id or str(repo)
    told = state.get(f"told:{key}")
    if told is None:
        state.put(f"told:{key}", head)
        return done(f"begins after {short(head)}")
    commits, end = between(repo, told, head)
    if commits is None:
        return ignored(f"{short(head)} is in an earlier digest, or no longer on main")
    num = write(event, repo, key, text(repo, commits, end))
    state.put(f"told:{key}", head)
    return done(f"{counted(commits, end)} told in {repo}#{num}")


def between(repo: hub.Repo, told: str, head: str) -> tuple[list[hub.Commit] | None, str]:
    """The commits after the one that was told last, to the head of the push, newest first; and where that ended: at what
    was `told`, at the `first` commit of all, or `early`, with more to come.

    They depend on these two alone, however often an attempt is made and whatever is pushed meanwhile: a later push has
    an event of its own.
    """
    found: list[hub.Commit] = []
    for seen, commit in enumerate(hub.commits(repo)):
        if commit.id == told:
            return (found or None), "told"
        if seen == LOOKED_AT_MAX:
            return (found or None), "early"
        if found or commit.id == head:
            found.append(commit)
    # The history is another one now.
    return (found or None), "first"


def write(event: ContentEvent, repo: hub.Repo, key: str, comment: str) -> int:
    """Writes the comment once, however often the attempt is made. A discussion that somebody deleted is opened anew."""
    kept = state.get(f"discussion:{key}")
    if kept is not None:
        try:
            hub.comment_once(repo, int(kept), mark(event), comment)
            return int(kept)
        except hub.Error as error:
            if not error.is_not_found:
                raise
    num = hub.open_once(repo, event.run_id, TITLE, INTRODUCTION)
    state.put(f"discussion:{key}", str(num))
    hub.comment_once(repo, num, mark(event), comment)
    return num


def mark(event: ContentEvent) -> str:
    """What the comment is found by: the text that the discussion was opened with bears the mark of the run itself."""
    return f"{event.run_id} digest"


def text(repo: hub.Repo, commits: list[hub.Commit], end: str) -> str:
    """The list, newest first. Titles stand as code: nobody is mentioned, and nothing is shown, by what somebody pushed."""
    lines = [f"**{counted(commits, end)}** on `main`", ""]
    for commit in commits[:LISTED_MAX]:
        title = "".join(letter if letter.isprintable() else " " for letter in commit.title)
        title = title.replace("`", "'").strip()[:120] or "(no title)"
        lines.append(f"- [{short(commit.id)}]({hub.endpoint()}/{repo}/commit/{commit.id}) `{title}`")
    if len(commits) > LISTED_MAX:
        more = len(commits) - LISTED_MAX
        lines.append(f"- and more than {more} others" if end == "early" else f"- and {more} more")
    if end != "told":
        lines += ["", "The digest before does not join on: the history of `main` was rewritten, or is long."]
    return "\n".join(lines)


def short(commit: str) -> str:
    return commit[:8]


def counted(commits: list[hub.Commit], end: str) -> str:
    if end == "early":
        return f"more than {len(commits)} commits"
    return "1 commit" if len(commits) == 1 else f"{len(commits)} commits"
