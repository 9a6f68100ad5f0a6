//! What a plugin, and a server that is in league with it, can keep from the others: not more than its part.

use super::*;
use crate::outgoing::host::Scheme;
use crate::outgoing::{Ended, Unfinished};
use http_body_util::Full;
use tokio::sync::mpsc;

/// A network in which a plugin has two connections, and two lookups.
fn small(resolver: Arc<dyn Resolve>) -> Arc<Network> {
    let network = Network::new(resolver, Vec::new(), OwnListeners::none());
    Arc::new(network.within(20))
}

fn small_plugin(network: &Arc<Network>, server: &Server, timeout: Duration) -> Arc<Outgoing> {
    let entry = Entry {
        methods: vec![Method::GET, Method::POST],
        timeout,
        ..server.entry()
    };
    Arc::new(over(network, vec![entry]))
}

#[tokio::test]
async fn a_plugin_has_its_part_of_the_connections_and_the_others_have_theirs() {
    // Given a server that never answers, and another one
    let (told, mut asked) = mpsc::unbounded_channel();
    let silent = Server::start(move |mut stream| {
        let told = told.clone();
        async move {
            read_head(&mut stream).await?;
            told.send(()).unwrap();
            std::future::pending().await
        }
    })
    .await;
    let good = Server::answering(OK).await;
    let network = small(Arc::new(SystemResolver));
    let greedy = small_plugin(&network, &silent, 5 * SECOND);
    // When a plugin has all of its connections there
    let mut calls = JoinSet::new();
    for _ in 0..2 {
        let (greedy, url) = (Arc::clone(&greedy), silent.url());
        calls.spawn(async move { get(&greedy, &url).await.map(drop) });
    }
    for _ in 0..2 {
        asked.recv().await.unwrap();
    }
    // Then it gets no other one, and its neighbour does
    let times = Times {
        connect: Some(SECOND / 5),
        first_byte: Some(SECOND / 5),
        ..Times::default()
    };
    let third = outcome(&greedy, &silent.url(), times).await;
    assert_eq!(third, "ConnectTimeout");
    let other = small_plugin(&network, &good, 5 * SECOND);
    let found = outcome(&other, &good.url(), Times::default()).await;
    assert_eq!(found, "200, 2 bytes");
    // And has one again when a call is let go
    calls.shutdown().await;
    let again = outcome(&greedy, &silent.url(), times).await;
    assert_eq!(again, "HeadTimeout", "connected, and not answered");
    assert_eq!(silent.connections(), 3);
}

#[tokio::test]
async fn a_server_that_takes_nothing_does_not_keep_a_connection_for_ever() {
    // Given a server that answers at once, and reads nothing of what follows the head
    let server = Server::start(|mut stream| async move {
        read_head(&mut stream).await?;
        stream.write_all(OK.as_bytes()).await?;
        std::future::pending::<()>().await;
        drop(stream);
        Ok(())
    })
    .await;
    let plugin = small_plugin(&small(Arc::new(SystemResolver)), &server, SECOND / 2);
    // When attempts end whose calls left more than fits on the way there
    for _ in 0..2 {
        let ended = Ended::default();
        let body = Full::new(Bytes::from(vec![0; 24 << 20])).map_err(|never| match never {});
        let request = Request::post("/").body(Unfinished::new(body, ended.clone()).boxed_unsync());
        let admitted = plugin
            .rules()
            .judge(&Method::POST, &server.url().parse().unwrap());
        let sent = plugin.send(admitted.unwrap(), request.unwrap(), Times::default());
        assert_eq!(body_of(sent.await).await, "ok");
        ended.now();
    }
    // Then their connections end all the same, and there is room for others
    let mut found = String::new();
    for _ in 0..20 {
        found = outcome(&plugin, &server.url(), Times::default()).await;
        if found == "200, 2 bytes" {
            break;
        }
    }
    assert_eq!(found, "200, 2 bytes");
}

/// Has attempts end by their time while the server neither answers nor takes what they write; whether there is room for
/// others then, when the plugin may have two connections.
async fn is_let_go(plugin: &Outgoing, url: &str) -> bool {
    let soon = Times {
        connect: Some(5 * SECOND),
        first_byte: Some(SECOND / 10),
        between_bytes: None,
    };
    for _ in 0..2 {
        let ended = Ended::default();
        let body = Full::new(Bytes::from(vec![0; 24 << 20])).map_err(|never| match never {});
        let request = Request::post("/").body(Unfinished::new(body, ended.clone()).boxed_unsync());
        let admitted = plugin
            .rules()
            .judge(&Method::POST, &url.parse::<Uri>().unwrap());
        let sent = plugin.send(admitted.unwrap(), request.unwrap(), soon);
        assert_eq!(sent.await.err(), Some(CallError::HeadTimeout));
        ended.now();
    }
    // It is connected, and not answered either.
    outcome(plugin, url, soon).await == "HeadTimeout"
}

#[tokio::test]
async fn a_server_that_neither_answers_nor_reads_does_not_keep_a_connection_for_ever() {
    let trusted = tls::Authority::new();
    let acceptor = trusted.acceptor("127.0.0.1");
    let plain = Server::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
        Ok(())
    })
    .await;
    let encrypted = Server::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let stream = acceptor.accept(stream).await?;
            std::future::pending::<()>().await;
            drop(stream);
            Ok(())
        }
    })
    .await;
    for (server, scheme) in [(&plain, Scheme::Http), (&encrypted, Scheme::Https)] {
        let authorities = vec![trusted.certificate.clone()];
        let network = Network::new(Arc::new(SystemResolver), authorities, OwnListeners::none());
        let entry = Entry {
            methods: vec![Method::GET, Method::POST],
            scheme,
            timeout: 2 * SECOND,
            ..server.entry()
        };
        let plugin = over(&Arc::new(network.within(20)), vec![entry]);
        let url = format!("{scheme}://{}/", server.address);
        assert!(is_let_go(&plugin, &url).await, "{url}");
        assert_eq!(server.connections(), 3);
    }
}

async fn body_of(answer: Result<Answer, CallError>) -> Bytes {
    body(answer.unwrap()).await.unwrap()
}

/// A resolver that never comes back from some names, and keeps its place there, as the system's does.
struct Stuck(SocketAddr, Mutex<Vec<Place>>);

#[async_trait]
impl Resolve for Stuck {
    async fn resolve(&self, name: &str, _: u16, place: Place) -> io::Result<Vec<SocketAddr>> {
        if name.ends_with("slow.example") {
            self.1.lock().unwrap().push(place);
            return std::future::pending().await;
        }
        Ok(vec![self.0])
    }
}

#[tokio::test]
async fn names_that_are_never_resolved_keep_no_other_plugin_from_its_own() {
    let server = Server::answering(OK).await;
    let network = small(Arc::new(Stuck(server.address, Mutex::default())));
    let plugin = |host: &str| {
        let url = format!("http://{host}:{}", server.address.port());
        let entry = Entry {
            reach: Reach::Private,
            timeout: SECOND / 5,
            ..entry(&url)
        };
        over(&network, vec![entry])
    };
    // Given a plugin that asks for more such names than there are lookups at once
    let slow = plugin("*.slow.example");
    let port = server.address.port();
    for name in 0..20 {
        let url = format!("http://{name}.slow.example:{port}/");
        let found = outcome(&slow, &url, Times::default()).await;
        assert_eq!(found, "LookupTimeout");
    }
    // Then another one finds its server
    let url = format!("http://good.example:{port}/");
    let found = outcome(&plugin("good.example"), &url, Times::default()).await;
    assert_eq!(found, "200, 2 bytes");
}
