"""The contestant: a handler as huggingface_hub's own guide writes it, on the port that is named."""

import os
import sys

from huggingface_hub import WebhookPayload, WebhooksServer

app = WebhooksServer(webhook_secret=os.environ["WEBHOOK_SECRET"])


@app.add_webhook("/bench")
async def greet(payload: WebhookPayload):
    return {"message": f"hello {payload.comment.author.id}"}


app.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), share=False, quiet=True)
