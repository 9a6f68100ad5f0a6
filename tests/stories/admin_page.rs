//! The admin page: what came in, what became of it, and having it handled again, in a browser without scripts.

use hookbox_tests::{Answer, Host, Operator, event, eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than a run takes.
const SOON: Duration = Duration::from_secs(10);

/// A text that breaks out of a page, turns what follows round, and moves a cursor.
const HOSTILE: &str =
    "<script>alert(1)</script>\"'><img src=x onerror=y>\u{202e}\u{1b}[31m\u{7}&amp;";

fn posted(host: &Host, event: &Value) -> String {
    host.hub().deliver(event).wait(20).send().id()
}

/// An operator with a browser.
struct Browser {
    operator: Operator,
    cookie: String,
}

impl Browser {
    fn of(host: &Host) -> Self {
        let operator = host.admin();
        let cookie = operator.cookie("");
        Self { operator, cookie }
    }

    #[track_caller]
    fn page(&self, path: &str) -> String {
        let answer = self
            .operator
            .ask("GET", path)
            .header("cookie", &self.cookie)
            .send();
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        check_tags(&answer.body);
        answer.body
    }

    #[track_caller]
    fn submit(&self, path: &str, form: &str) -> Answer {
        let ask = self
            .operator
            .ask("POST", path)
            .header("cookie", &self.cookie);
        ask.form(form).send()
    }
}

/// A page has the elements of ours and no others, loads nothing, and holds no raw control character.
#[track_caller]
fn check_tags(page: &str) {
    const OURS: &[&str] = &[
        "!DOCTYPE", "a", "body", "button", "code", "dd", "div", "dl", "dt", "form", "h1", "h2",
        "h3", "head", "html", "input", "label", "link", "meta", "nav", "option", "p", "pre",
        "section", "select", "span", "table", "td", "th", "time", "title", "tr",
    ];
    for tag in page.split('<').skip(1) {
        let name = tag
            .trim_start_matches('/')
            .split([' ', '>'])
            .next()
            .unwrap();
        assert!(OURS.contains(&name), "<{tag}");
        let opening = tag.split('>').next().unwrap();
        assert!(
            !opening.contains("http:") && !opening.contains("onerror"),
            "<{tag}"
        );
    }
    let raw = |c: char| c.is_control() && c != '\n' && c != '\t' || c == '\u{202e}';
    assert!(!page.contains(raw), "{page}");
}

#[test]
fn the_front_page_shows_what_came_in_and_what_became_of_it() {
    let host = Host::with(&["hello", "guest-hostile", "guest-wants-http"]).start();
    let failed = posted(&host, &event("repo", "update", "a/reject"));
    let done = posted(&host, &event("discussion.comment", "create", "my-org/b"));
    eventually(SOON, || {
        (host.delivery(&failed)["state"] == "dead").then_some(())
    });
    host.hub().request("POST", "/webhooks").send();
    let browser = Browser::of(&host);
    browser.operator.ask("GET", "/?token=wrong").send();
    let page = browser.page("/");
    for shown in [
        &format!("href=\"/deliveries/{failed}\""),
        &format!("href=\"/deliveries/{done}\""),
        "discussion.comment create",
        "my-org/b",
        "<span class=\"bad\">dead</span>",
        "<span class=\"waits\">parked</span>",
        "<span class=\"good\">ready</span>",
        "<span class=\"waits\">held</span>",
        "the admin token is wrong",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    // And it can be narrowed
    let dead = browser.page("/?state=dead&plugin=");
    assert!(dead.contains(&failed) && !dead.contains(&done));
    assert!(dead.contains("<option value=\"dead\" selected>"), "{dead}");
    let by_plugin = browser.page("/?plugin=hello&state=");
    assert!(by_plugin.contains(&done) && !by_plugin.contains(&failed));
    // What cannot be asked is told on a page
    let wrong = browser
        .operator
        .ask("GET", "/?state=deadly")
        .header("cookie", &browser.cookie);
    let wrong = wrong.send();
    assert_eq!(wrong.status, 400);
    assert!(
        wrong
            .body
            .contains("state: not one of pending, settled, dead"),
        "{wrong:?}"
    );
}

#[test]
fn older_deliveries_are_a_link_away() {
    let host = Host::with(&[]).start();
    for n in 0..51 {
        host.hub()
            .deliver(&event("repo", "create", &format!("a/n{n}")))
            .send();
    }
    let browser = Browser::of(&host);
    let newest = browser.page("/?state=settled");
    assert!(newest.contains("a/n50<") && !newest.contains("a/n0<"));
    let link = newest
        .split("href=\"")
        .find(|rest| rest.contains("Older deliveries"));
    let link = link
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .replace("&amp;", "&");
    let older = browser.page(&link);
    assert!(older.contains("a/n0<") && !older.contains("a/n1<"));
    assert!(!older.contains("Older deliveries"));
}

#[test]
fn what_others_wrote_is_text_and_nothing_else() {
    // Given a delivery whose every text is hostile, and a plugin that says and logs it
    let host = Host::with(&["hello"]).start();
    let mut comment = event("discussion.comment", "create", HOSTILE);
    comment["comment"] =
        json!({"id": "1", "author": {"id": HOSTILE}, "content": format!("{HOSTILE}\nnext")});
    comment[HOSTILE] = json!(HOSTILE);
    comment["webhook"]["id"] = json!(HOSTILE);
    let hub = host.hub();
    let post = hub.deliver(&comment).id("<script>");
    let id = post.header("user-agent", "<script>").wait(20).send().id();
    let run = &host.delivery(&id)["runs"][0];
    assert_eq!(run["attempts"][0]["output"], format!("hello {HOSTILE}"));
    // When its page and the list are looked at, then all of it is shown as text
    let browser = Browser::of(&host);
    let page = browser.page(&format!("/deliveries/{id}"));
    browser.page("/");
    let shown = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&gt;&lt;img src=x onerror=y&gt;\\u{202e}\\u{1b}[31m\\u{7}&amp;amp;";
    assert!(page.contains(&format!("hello {shown}")), "{page}");
    assert!(
        page.contains(&format!("said on {shown}: {shown}\nnext")),
        "{page}"
    );
    assert!(page.contains("&lt;script&gt;"));
    // And a refused path is no exception
    browser
        .operator
        .ask("GET", "/%3Cscript%3E?token=x")
        .bearer("x")
        .send();
    browser.page("/");
}

#[test]
fn a_large_payload_is_shown_from_its_beginning() {
    let host = Host::with(&[]).start();
    let mut large = event("repo", "create", "a/b");
    large["padding"] = json!("x".repeat(2_000_000));
    let id = host.hub().deliver(&large).send().id();
    let page = Browser::of(&host).page(&format!("/deliveries/{id}"));
    assert!(page.len() < 200_000, "{}", page.len());
    assert!(page.contains(&format!("href=\"/api/v1/deliveries/{id}\"")));
    assert!(
        page.contains("\n    &quot;scope&quot;: &quot;repo&quot;"),
        "{page}"
    );
}

#[test]
fn an_attempt_is_shown_with_all_that_is_known_of_it() {
    let host = Host::with(&["guest-hostile"]).start();
    let id = posted(&host, &event("repo", "update", "a/panic"));
    let page = Browser::of(&host).page(&format!("/deliveries/{id}"));
    let attempt = &host.delivery(&id)["runs"][0]["attempts"][0];
    let message = attempt["trap"]["message"].as_str().unwrap();
    for shown in [
        "<span class=\"bad\">trapped</span>",
        message.lines().next().unwrap(),
        &format!("fuel {} of {}", attempt["fuel"], attempt["fuel_limit"]),
        &format!("{} ms", attempt["wall_ms"]),
        "at guest_hostile",
        "the guest panics as asked",
        "<dt>content-type</dt>",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
}

#[test]
fn a_replay_by_the_pages_button_runs_the_plugin_again() {
    let host = Host::with(&["hello"]).start();
    let id = posted(&host, &event("discussion.comment", "create", "a/b"));
    let browser = Browser::of(&host);
    let page = browser.page(&format!("/deliveries/{id}"));
    let action = format!("/deliveries/{id}/replay");
    assert!(page.contains(&format!("<form method=\"post\" action=\"{action}\">")));
    // When the button is pressed, then the browser is led back, and the plugin runs again
    let led = browser.submit(&action, "plugin=");
    let back = format!("/deliveries/{id}");
    assert_eq!((led.status, led.header("location")), (303, Some(&*back)));
    eventually(SOON, || {
        (host.delivery(&id)["runs"][1]["state"] == "done").then_some(())
    });
    assert!(browser.page(&back).contains(", replays "));
    // And what comes to nothing is told
    let told = browser.submit(&action, "plugin=helo");
    assert_eq!(told.status, 422, "{told:?}");
    assert!(
        told.body
            .contains("there is no plugin `helo`; did you mean `hello`?")
    );
    let told = browser.submit("/deliveries/x/replay", "plugin=");
    assert_eq!(told.status, 404, "{told:?}");
}

#[test]
fn logging_out_takes_the_cookie_away() {
    let host = Host::with(&[]).start();
    let browser = Browser::of(&host);
    assert!(browser.page("/").contains("action=\"/logout\""));
    let out = browser.submit("/logout", "");
    assert_eq!((out.status, out.header("location")), (303, Some("/")));
    assert!(
        out.header("set-cookie")
            .unwrap()
            .contains("=; Path=/; Max-Age=0;")
    );
}
