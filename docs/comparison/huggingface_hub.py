"""The bot for huggingface_hub's WebhooksServer: answers mentions in discussions of the Hub."""

import os

from fastapi import BackgroundTasks
from huggingface_hub import HfApi, InferenceClient, WebhookPayload, WebhooksServer

NAME, TOKEN = os.environ["BOT_NAME"], os.environ["HF_TOKEN"]
hub = HfApi(token=TOKEN)
model = InferenceClient(base_url="https://router.huggingface.co/v1", api_key=TOKEN)
own_id = hub.whoami()["id"]
app = WebhooksServer(webhook_secret=os.environ["WEBHOOK_SECRET"])


@app.add_webhook("/mention")
async def mention(payload: WebhookPayload, tasks: BackgroundTasks):
    if (payload.event.scope, payload.event.action) != ("discussion.comment", "create"):
        return {"ignored": "not a new comment"}
    said = payload.comment.content or ""
    if payload.comment.author.id == own_id or f"@{NAME}" not in said:
        return {"ignored": "not for me"}
    # After the answer to the Hub, which waits for it no longer than 30 seconds.
    tasks.add_task(answer, payload)
    return {"answering": payload.discussion.num}


def answer(payload: WebhookPayload):
    question = [{"role": "user", "content": payload.comment.content}]
    completion = model.chat_completion(question, model="moonshotai/Kimi-K2.6", max_tokens=500)
    text = completion.choices[0].message.content
    repo, num = payload.repo, payload.discussion.num
    hub.comment_discussion(repo.name, num, text, repo_type=repo.type)


app.launch()
