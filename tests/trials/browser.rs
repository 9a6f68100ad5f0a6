//! The operator's page in a real browser: what browsers send, and refuse to send, decides whether it works.

use hookbox_tests::{Browser, Host, event};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

/// The page of another site of this machine, served as often as it is asked for until the test ends.
fn other_site(page: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines();
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            // A browser that has gone needs no page.
            let _ = write!(
                &stream,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
        }
    });
    format!("http://{address}/")
}

#[test]
fn an_operator_logs_in_reads_and_replays_and_no_other_page_does_so_in_their_name() {
    // Given a delivery whose texts would be a script, if they were not escaped
    let host = Host::with(&["guest-counter"]).start();
    let name =
        "a/<script>document.title='hacked'</script><img src=x onerror=document.title='hacked'>";
    let answer = host
        .hub()
        .deliver(&event("repo", "create", name))
        .wait(20)
        .send();
    let id = answer.id();
    let (admin, browser) = (host.admin(), Browser::start());
    let page = format!("http://{}/", admin.address());
    // When its operator logs in by the form, then it is there as text
    browser.open(&page);
    browser.types("input[name=token]", admin.token());
    browser.clicks("form button");
    browser.shows(name);
    // And one click further everything about it, and a replay is one more
    browser.clicks(&format!("a[href*='{id}']"));
    browser.shows("Payload");
    browser.clicks("form[action*=replay] button");
    browser.shows("replays");
    let runs = |host: &Host| host.delivery(&id)["runs"].as_array().unwrap().len();
    assert_eq!(runs(&host), 2);
    assert!(
        !browser
            .runs("return document.title")
            .to_string()
            .contains("hacked")
    );
    // When another site's page, to which the browser sends the cookie too, posts the same form
    let target = format!("{page}deliveries/{id}/replay");
    let form = format!(
        "<form method=post action='{target}'><input name=plugin value=''></form>\
         <script>document.forms[0].submit()</script>"
    );
    browser.open(&other_site(form));
    // Then it is refused, kept for the operator to see, and nothing is replayed
    browser.shows("another site");
    assert_eq!(runs(&host), 2);
    browser.open(&page);
    browser.shows("the page of another site sent this request");
    // And once they have logged out, there is nothing to see
    browser.clicks("form[action*=logout] button");
    // Who leaves a page too soon takes back what was clicked there.
    browser.shows("token");
    browser.open(&page);
    assert!(!browser.shows("token").contains("guest-counter"));
}
