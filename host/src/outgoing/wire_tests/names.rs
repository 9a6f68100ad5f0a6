//! Names and addresses: what is resolved is judged, and what is judged is connected to.

use super::*;

/// A call to `https://name.example/`, or `http`, whose name resolves to these addresses.
async fn call(addresses: &[&str], reach: Reach) -> String {
    let network = network(Told::new(&[addresses]), Vec::new());
    let outgoing = over(
        &network,
        vec![Entry {
            reach,
            timeout: SECOND / 10,
            ..entry("http://name.example:1")
        }],
    );
    match get(&outgoing, "http://name.example:1/").await.map(drop) {
        Ok(()) => "answered".to_owned(),
        Err(CallError::Prohibited { address, what, .. }) => format!("{address} is {what}"),
        Err(error) => format!("{error:?}"),
    }
}

#[tokio::test]
async fn every_address_of_a_name_is_judged() {
    for (addresses, reach, expected) in [
        (
            &["127.0.0.1:0"][..],
            Reach::Public,
            "127.0.0.1 is loopback (RFC 1122)",
        ),
        (&["127.0.0.1:0"], Reach::Private, "ConnectionRefused"),
        (&["[::1]:0"], Reach::Public, "::1 is loopback (RFC 4291)"),
        (
            &["[::ffff:127.0.0.1]:0"],
            Reach::Public,
            "::ffff:127.0.0.1 is loopback (RFC 1122)",
        ),
        (
            &["10.0.0.1:0"],
            Reach::Public,
            "10.0.0.1 is a private network (RFC 1918)",
        ),
        (
            &["169.254.169.254:0"],
            Reach::Private,
            "169.254.169.254 is link-local (RFC 3927)",
        ),
        (
            &["[fd00:ec2::254]:0"],
            Reach::Private,
            "fd00:ec2::254 is a cloud's own service",
        ),
        (
            &["[64:ff9b::7f00:1]:0"],
            Reach::Private,
            "64:ff9b::7f00:1 is translated to IPv4 (RFC 6052)",
        ),
        (
            &["0.0.0.0:0"],
            Reach::Private,
            "0.0.0.0 is this network (RFC 791)",
        ),
        (
            &["224.0.0.1:0"],
            Reach::Private,
            "224.0.0.1 is multicast (RFC 5771)",
        ),
        (
            &["127.0.0.1:0", "169.254.169.254:0"],
            Reach::Private,
            "169.254.169.254 is link-local (RFC 3927)",
        ),
        (
            &["169.254.169.254:0", "127.0.0.1:0"],
            Reach::Private,
            "169.254.169.254 is link-local (RFC 3927)",
        ),
        (
            &["1.1.1.1:0", "127.0.0.1:0"],
            Reach::Public,
            "127.0.0.1 is loopback (RFC 1122)",
        ),
        (&[], Reach::Private, "NoAddress"),
    ] {
        assert_eq!(call(addresses, reach).await, expected, "{addresses:?}");
    }
    let many = vec!["127.0.0.1:0"; 40];
    let late = [many.as_slice(), &["10.0.0.1:0"]].concat();
    assert_eq!(
        call(&late, Reach::Public).await,
        "127.0.0.1 is loopback (RFC 1122)"
    );
    let hidden = [vec!["127.0.0.1:0"; 40].as_slice(), &["169.254.1.1:0"]].concat();
    assert_eq!(
        call(&hidden, Reach::Private).await,
        "169.254.1.1 is link-local (RFC 3927)"
    );
}

#[tokio::test]
async fn a_credential_in_plain_text_goes_to_no_public_address() {
    // Whoever answers for the name could have it sent to anybody.
    let url = "http://name.example:1/";
    for (address, expected) in [
        (
            "1.1.1.1:0",
            "1.1.1.1 is public, and a credential is not sent in plain text there",
        ),
        (
            "[2606:4700::1]:0",
            "2606:4700::1 is public, and a credential is not sent in plain text there",
        ),
        (
            "169.254.169.254:0",
            "169.254.169.254 is link-local (RFC 3927)",
        ),
        ("127.0.0.1:0", "the connection was refused"),
    ] {
        let credential = Credential::new(AUTHORIZATION, Form::Bearer, "hf_secret").unwrap();
        let entry = Entry {
            reach: Reach::Private,
            credential: Some(Ok(credential)),
            timeout: SECOND / 5,
            ..entry(url.trim_end_matches('/'))
        };
        let outgoing = over(&network(Told::new(&[&[address]]), Vec::new()), vec![entry]);
        let found = get(&outgoing, url).await.map(drop).unwrap_err();
        assert_eq!(found.to_string().split(';').next().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_gains_nothing() {
    let server = Server::start(|mut stream| async move {
        for _ in 0..2 {
            read_head(&mut stream).await?;
            stream.write_all(OK.as_bytes()).await?;
        }
        stream.shutdown().await
    })
    .await;
    // Good when it is looked up first, bad ever after.
    let resolver = Told::new(&[&["127.0.0.1:0"], &["169.254.169.254:0"]]);
    let name = format!("http://name.example:{}", server.address.port());
    let outgoing = over(
        &network(resolver, Vec::new()),
        vec![Entry {
            reach: Reach::Private,
            ..entry(&name)
        }],
    );
    let first = get(&outgoing, &name).await.unwrap();
    assert_eq!(body(first).await.unwrap(), "ok");
    // Over the connection that was judged: nobody asks for the name again.
    let second = get(&outgoing, &name).await.unwrap();
    assert_eq!(second.connection, ConnectionKind::Reused);
    assert_eq!(body(second).await.unwrap(), "ok");
    // That one is closed now; the next has to be made, and is judged.
    let found = outcome(&outgoing, &name, Times::default()).await;
    assert!(
        found.starts_with("Prohibited { address: 169.254.169.254"),
        "{found}"
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn one_bad_address_is_enough_for_no_connection_at_all() {
    let server = Server::answering(OK).await;
    let name = format!("http://name.example:{}", server.address.port());
    for addresses in [
        ["127.0.0.1:0", "169.254.169.254:0"],
        ["169.254.169.254:0", "127.0.0.1:0"],
    ] {
        let outgoing = over(
            &network(Told::new(&[&addresses]), Vec::new()),
            vec![Entry {
                reach: Reach::Private,
                ..entry(&name)
            }],
        );
        let found = outcome(&outgoing, &name, Times::default()).await;
        assert!(found.starts_with("Prohibited"), "{found}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn our_own_listeners_are_out_of_reach() {
    let server = Server::answering(OK).await;
    let own = OwnListeners::default();
    let network = Arc::new(Network::new(
        Arc::new(SystemResolver),
        Vec::new(),
        own.clone(),
    ));
    let outgoing = over(&network, vec![server.entry()]);
    for listeners in [None, Some(vec![server.address])] {
        if let Some(listeners) = listeners {
            own.are(listeners);
        }
        let found = outcome(&outgoing, &server.url(), Times::default()).await;
        assert!(found.starts_with("Prohibited"), "{found}");
    }
    own.are(Vec::new());
    let found = outcome(&outgoing, &server.url(), Times::default()).await;
    assert_eq!(found, "200, 2 bytes");
}

/// A resolver that never comes back.
struct Never;

#[async_trait]
impl Resolve for Never {
    async fn resolve(&self, _: &str, _: u16, _: Place) -> io::Result<Vec<SocketAddr>> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_name_that_is_never_resolved_is_told_as_that() {
    let slow = Entry {
        timeout: SECOND / 5,
        ..entry("http://name.example")
    };
    let outgoing = over(&network(Arc::new(Never), Vec::new()), vec![slow]);
    let found = outcome(&outgoing, "http://name.example/", Times::default()).await;
    assert_eq!(found, "LookupTimeout");
}

#[tokio::test]
async fn the_next_address_is_tried_where_one_does_not_answer() {
    let server = Server::answering(OK).await;
    let name = format!("http://name.example:{}", server.address.port());
    let outgoing = over(
        &network(Told::new(&[&["127.0.0.3:0", "127.0.0.1:0"]]), Vec::new()),
        vec![Entry {
            reach: Reach::Private,
            ..entry(&name)
        }],
    );
    let found = outcome(&outgoing, &name, Times::default()).await;
    assert_eq!(found, "200, 2 bytes");
}
