//! The bot as a Spin component: answers mentions in discussions of the Hub.

use serde_json::{Value, json};
use spin_sdk::http::body::IncomingBodyExt as _;
use spin_sdk::http::{Request, Response, StatusCode, send};
use spin_sdk::{http_service, variables};
use subtle::ConstantTimeEq as _;

const HUB: &str = "https://huggingface.co";
const ROUTER: &str = "https://router.huggingface.co";
const MODEL: &str = "moonshotai/Kimi-K2.6";

#[http_service]
async fn mention(request: Request) -> anyhow::Result<(StatusCode, String)> {
    let secret = variables::get("webhook_secret").await?;
    let Some(sent) = request.headers().get("x-webhook-secret") else {
        return Ok((StatusCode::UNAUTHORIZED, "no secret".into()));
    };
    if !bool::from(sent.as_bytes().ct_eq(secret.as_bytes())) {
        return Ok((StatusCode::FORBIDDEN, "wrong secret".into()));
    }
    let Ok(payload) = serde_json::from_slice(&request.into_body().bytes().await?) else {
        return Ok((StatusCode::BAD_REQUEST, "no JSON".into()));
    };
    match answer(&payload).await? {
        Some(said) => Ok((StatusCode::OK, said)),
        None => Ok((StatusCode::OK, "not for me".into())),
    }
}

/// What is done about an event; nothing where it is not for the bot.
async fn answer(payload: &Value) -> anyhow::Result<Option<String>> {
    let text = |pointer: &str| {
        payload
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    if (text("/event/scope"), text("/event/action")) != ("discussion.comment", "create") {
        return Ok(None);
    }
    let (name, own_id) = (
        variables::get("name").await?,
        variables::get("own_id").await?,
    );
    let question = text("/comment/content");
    if text("/comment/author/id") == own_id || !question.contains(&format!("@{name}")) {
        return Ok(None);
    }
    let messages = json!([{"role": "user", "content": question}]);
    let chat = json!({"model": MODEL, "messages": messages, "max_tokens": 500});
    let completion = post(&format!("{ROUTER}/v1/chat/completions"), &chat).await?;
    let said = completion
        .pointer("/choices/0/message/content")
        .and_then(Value::as_str);
    let said = said.ok_or_else(|| anyhow::anyhow!("the model said nothing"))?;
    let (kind, repo) = (text("/repo/type"), text("/repo/name"));
    let num = payload
        .pointer("/discussion/num")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let place = format!("{HUB}/api/{kind}s/{repo}/discussions/{num}/comment");
    post(&place, &json!({"comment": said})).await?;
    Ok(Some(format!("answered in {repo}#{num}")))
}

/// Posts JSON with the token; the answer, if it is one of success.
async fn post(url: &str, body: &Value) -> anyhow::Result<Value> {
    let request = Request::post(url)
        .header(
            "authorization",
            format!("Bearer {}", variables::get("hf_token").await?),
        )
        .header("content-type", "application/json")
        .body(body.to_string())?;
    let response: Response = send(request).await?;
    let status = response.status();
    let answer = response.into_body().bytes().await?;
    anyhow::ensure!(status.is_success(), "{url} answered {status}");
    Ok(serde_json::from_slice(&answer)?)
}
