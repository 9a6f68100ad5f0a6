"""Says hello to whoever comments on a discussion."""

from hookbox import CommentEvent, done, log, on, plugin

plugin(description="Says hello to whoever comments")


@on("discussion.comment", actions=["create"])
def greet(event: CommentEvent):
    log.info("a comment on %s", event.repo.name)
    return done(f"hello {event.comment.author.id}")
