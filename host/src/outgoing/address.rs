//! Addresses that nobody outside is at: judged after a name is resolved, on the address that is connected to.
//!
//! The standard library's own judgement is not stable; this is the table of the IANA's special-purpose registries
//! (RFC 6890 and what has been added since), with what clouds have made of single addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an entry of a grant reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Only where strangers are: the internet.
    Public,
    /// Also this machine and private networks (`private = true`).
    Private,
    /// Those alone: there a credential may go in plain text.
    Inside,
}

/// Whether `private = true` opens a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opens {
    Private,
    Never,
}

use Opens::{Never, Private};

/// A block of addresses: its first one, the length of its prefix, what it is, and whether it can be opened.
struct Block<T>(T, u32, &'static str, Opens);

/// What is no network's, but the cloud's below it.
const CLOUD: &str = "a cloud's own service";

const V4: &[Block<Ipv4Addr>] = &[
    Block(
        Ipv4Addr::new(0, 0, 0, 0),
        8,
        "this network (RFC 791)",
        Never,
    ),
    Block(
        Ipv4Addr::new(10, 0, 0, 0),
        8,
        "a private network (RFC 1918)",
        Private,
    ),
    Block(
        Ipv4Addr::new(100, 64, 0, 0),
        10,
        "a carrier's network (RFC 6598)",
        Never,
    ),
    Block(
        Ipv4Addr::new(127, 0, 0, 0),
        8,
        "loopback (RFC 1122)",
        Private,
    ),
    Block(Ipv4Addr::new(168, 63, 129, 16), 32, CLOUD, Never),
    Block(
        Ipv4Addr::new(169, 254, 0, 0),
        16,
        "link-local (RFC 3927)",
        Never,
    ),
    Block(
        Ipv4Addr::new(172, 16, 0, 0),
        12,
        "a private network (RFC 1918)",
        Private,
    ),
    Block(
        Ipv4Addr::new(192, 0, 0, 0),
        24,
        "for protocols (RFC 6890)",
        Never,
    ),
    Block(
        Ipv4Addr::new(192, 0, 2, 0),
        24,
        "for documentation (RFC 5737)",
        Never,
    ),
    Block(
        Ipv4Addr::new(192, 31, 196, 0),
        24,
        "AS112 (RFC 7535)",
        Never,
    ),
    Block(Ipv4Addr::new(192, 52, 193, 0), 24, "AMT (RFC 7450)", Never),
    Block(
        Ipv4Addr::new(192, 88, 99, 0),
        24,
        "6to4 relays (RFC 7526)",
        Never,
    ),
    Block(
        Ipv4Addr::new(192, 168, 0, 0),
        16,
        "a private network (RFC 1918)",
        Private,
    ),
    Block(
        Ipv4Addr::new(192, 175, 48, 0),
        24,
        "AS112 (RFC 7534)",
        Never,
    ),
    Block(
        Ipv4Addr::new(198, 18, 0, 0),
        15,
        "for benchmarks (RFC 2544)",
        Never,
    ),
    Block(
        Ipv4Addr::new(198, 51, 100, 0),
        24,
        "for documentation (RFC 5737)",
        Never,
    ),
    Block(
        Ipv4Addr::new(203, 0, 113, 0),
        24,
        "for documentation (RFC 5737)",
        Never,
    ),
    Block(
        Ipv4Addr::new(224, 0, 0, 0),
        4,
        "multicast (RFC 5771)",
        Never,
    ),
    Block(
        Ipv4Addr::new(240, 0, 0, 0),
        4,
        "reserved or broadcast (RFC 1112)",
        Never,
    ),
];

/// The first block that an address is in counts: what is never opened stands before what can be.
const V6: &[Block<Ipv6Addr>] = &[
    Block(Ipv6Addr::UNSPECIFIED, 128, "unspecified (RFC 4291)", Never),
    Block(Ipv6Addr::LOCALHOST, 128, "loopback (RFC 4291)", Private),
    Block(v6([0, 0, 0, 0]), 96, "IPv4-compatible (RFC 4291)", Never),
    Block(
        v6([0x64, 0xff9b, 0, 0]),
        96,
        "translated to IPv4 (RFC 6052)",
        Never,
    ),
    Block(
        v6([0x64, 0xff9b, 1, 0]),
        48,
        "translated to IPv4 (RFC 8215)",
        Never,
    ),
    Block(v6([0x100, 0, 0, 0]), 64, "discarded (RFC 6666)", Never),
    Block(v6([0x2001, 0, 0, 0]), 32, "Teredo (RFC 4380)", Never),
    Block(v6([0x2001, 0, 0, 0]), 23, "for protocols (RFC 2928)", Never),
    Block(
        v6([0x2001, 0xdb8, 0, 0]),
        32,
        "for documentation (RFC 3849)",
        Never,
    ),
    Block(v6([0x2002, 0, 0, 0]), 16, "6to4 (RFC 3056)", Never),
    Block(v6([0x2620, 0x4f, 0x8000, 0]), 48, "AS112 (RFC 7534)", Never),
    Block(
        v6([0x3fff, 0, 0, 0]),
        20,
        "for documentation (RFC 9637)",
        Never,
    ),
    // Where clouds have put what they tell their machines, credentials too: Amazon, Scaleway, Oracle, Google.
    Block(v6([0xfd00, 0xec2, 0, 0]), 32, CLOUD, Never),
    Block(
        Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
        128,
        CLOUD,
        Never,
    ),
    Block(
        Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
        128,
        CLOUD,
        Never,
    ),
    Block(
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
        128,
        CLOUD,
        Never,
    ),
    Block(
        v6([0xfc00, 0, 0, 0]),
        7,
        "a private network (RFC 4193)",
        Private,
    ),
    Block(v6([0xfe80, 0, 0, 0]), 10, "link-local (RFC 4291)", Never),
    Block(v6([0xfec0, 0, 0, 0]), 10, "site-local (RFC 3879)", Never),
    Block(v6([0xff00, 0, 0, 0]), 8, "multicast (RFC 4291)", Never),
];

/// All that is given out of IPv6 so far; what lies elsewhere is nobody's, whatever it will be (RFC 4291).
const V6_GLOBAL: Block<Ipv6Addr> = Block(v6([0x2000, 0, 0, 0]), 3, "", Never);

const fn v6(head: [u16; 4]) -> Ipv6Addr {
    let [a, b, c, d] = head;
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
}

/// Whether an entry that reaches so far may connect there.
///
/// # Errors
/// What the address is.
pub fn judge(address: IpAddr, reach: Reach) -> Result<(), &'static str> {
    let block = match address.to_canonical() {
        IpAddr::V4(address) => V4
            .iter()
            .find(|block| contains_v4(block, address))
            .map(|block| (block.2, block.3)),
        IpAddr::V6(address) => V6
            .iter()
            .find(|block| contains_v6(block, address))
            .map(|block| (block.2, block.3))
            .or_else(|| {
                let given_out = contains_v6(&V6_GLOBAL, address);
                (!given_out).then_some(("reserved (RFC 4291)", Never))
            }),
    };
    match (block, reach) {
        (None, Reach::Inside) => {
            Err("public, and a credential is not sent in plain text there; use https")
        }
        (None, Reach::Public | Reach::Private)
        | (Some((_, Opens::Private)), Reach::Private | Reach::Inside) => Ok(()),
        (Some((what, _)), _) => Err(what),
    }
}

/// Whether `private = true` would let it pass.
#[must_use]
pub fn is_opened_by_private(address: IpAddr) -> bool {
    judge(address, Reach::Public).is_err() && judge(address, Reach::Private).is_ok()
}

const fn contains_v4(block: &Block<Ipv4Addr>, address: Ipv4Addr) -> bool {
    (block.0.to_bits() ^ address.to_bits()) >> (u32::BITS - block.1) == 0
}

const fn contains_v6(block: &Block<Ipv6Addr>, address: Ipv6Addr) -> bool {
    (block.0.to_bits() ^ address.to_bits()) >> (u128::BITS - block.1) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(address: &str) -> &'static str {
        let address = address.parse().unwrap();
        let by = |reach| judge(address, reach).is_ok();
        match (by(Reach::Public), by(Reach::Private)) {
            (true, true) => "open",
            (false, true) => "private",
            (false, false) => "never",
            (true, false) => "odd",
        }
    }

    #[test]
    fn only_what_strangers_can_be_at_is_open() {
        for (addresses, expected) in [
            (
                "1.1.1.1 8.8.8.8 11.0.0.0 9.255.255.255 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.167.1.1 \
              192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 168.63.129.15 2606:4700::1 2a00::1 2001:200::1 \
              2003::1 3ffe::1 ::ffff:8.8.8.8",
                "open",
            ),
            (
                "10.0.0.0 10.255.255.255 127.0.0.1 127.255.255.255 172.16.0.0 172.31.255.255 192.168.0.1 ::1 fc00::1 \
              fd12::1 fdff:ffff::1 fd00:ec3::1 fd20:ce::253 ::ffff:127.0.0.1 ::ffff:10.1.2.3",
                "private",
            ),
            (
                "0.0.0.0 0.1.2.3 100.64.0.1 100.100.100.200 100.127.255.255 169.254.169.254 169.254.0.1 192.0.0.192 \
              192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 \
              203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16 ::ffff:169.254.169.254 \
              ::ffff:0.0.0.0",
                "never",
            ),
            (
                ":: ::7f00:1 ::8.8.8.8 64:ff9b::7f00:1 64:ff9b:1::1 100::1 100:0:0:1::1 2001::1 2001:2::1 2001:10::1 \
              2001:20::1 2001:db8::1 2002:7f00:1::1 2620:4f:8000::1 3fff::1 3fff:fff::1 5f00::1 fd00:ec2::254 \
              fd00:ec2::23 fd00:ec2::253 fd00:42::42 fd00:c1::a9fe:a9fe fd20:ce::254 fe80::1 \
              febf::1 fec0::1 ff02::1 4000::1 ::2",
                "never",
            ),
        ] {
            for address in addresses.split_whitespace() {
                assert_eq!(judged(address), expected, "{address}");
            }
        }
    }

    #[test]
    fn the_table_is_written_as_it_is_meant() {
        let v4 = V4
            .iter()
            .map(|block| (block.0.to_bits().trailing_zeros(), 32 - block.1));
        for (zeros, host_bits) in v4 {
            assert!(zeros >= host_bits, "a block begins inside another");
        }
        let v6 = V6
            .iter()
            .map(|block| (block.0.to_bits().trailing_zeros(), 128 - block.1));
        for (zeros, host_bits) in v6 {
            assert!(zeros >= host_bits, "a block begins inside another");
        }
    }
}
