use super::*;
use crate::labels::Label;

#[test]
fn hosts_are_reduced_to_one_spelling() {
    let longest = format!("{}.{}", "a".repeat(63), ["b"; 95].join("."));
    assert_eq!(longest.len(), 253);
    for (raw, expected) in [
        ("", Ok("")),
        ("Admin.Example.COM", Ok("admin.example.com")),
        ("Admin.Example.COM:443.", Err("host_port")),
        ("admin.example.com.", Ok("admin.example.com")),
        ("admin.example.com.:443", Ok("admin.example.com")),
        ("admin.example.com:0", Ok("admin.example.com")),
        ("admin.example.com:65535", Ok("admin.example.com")),
        ("admin.example.com:65536", Err("host_port")),
        ("admin.example.com:000080", Err("host_port")),
        // RFC 3986 section 3.2.3 lets a port be empty.
        ("admin.example.com:", Ok("admin.example.com")),
        ("admin.example.com.:", Ok("admin.example.com")),
        ("admin.example.com::", Err("host_port")),
        (":", Err("host_empty_label")),
        ("[::1]:", Ok("[::1]")),
        ("[::1]::", Err("host_port")),
        ("admin.example.com:80:80", Err("host_port")),
        ("admin.example.com:8o", Err("host_port")),
        ("admin.example.com:-1", Err("host_port")),
        ("admin.example.com..", Err("host_empty_label")),
        (".admin.example.com", Err("host_empty_label")),
        ("admin..example.com", Err("host_empty_label")),
        (".", Err("host_empty_label")),
        (":443", Err("host_empty_label")),
        ("localhost", Ok("localhost")),
        ("my_service-1", Ok("my_service-1")),
        ("xn--bcher-kva.example", Ok("xn--bcher-kva.example")),
        ("bücher.example", Err("host_character")),
        ("a.example,b.example", Err("host_character")),
        ("a.example b.example", Err("host_character")),
        ("a.example ", Err("host_character")),
        ("a.example/admin", Err("host_character")),
        ("a.example?x", Err("host_character")),
        ("a.example#x", Err("host_character")),
        ("user@a.example", Err("host_character")),
        ("user:80@a.example", Err("host_port")),
        ("a.example\\b", Err("host_character")),
        ("a.example\0", Err("host_character")),
        ("a.example\t", Err("host_character")),
        ("a%2eexample", Err("host_character")),
        ("*.example", Err("host_character")),
        ("10.0.0.1", Ok("10.0.0.1")),
        ("10.0.0.1.", Ok("10.0.0.1")),
        ("10.0.0.1:80", Ok("10.0.0.1")),
        ("10.0.0.256", Err("host_address")),
        ("10.0.0.01", Err("host_address")),
        ("127.1", Err("host_address")),
        ("2130706433", Err("host_address")),
        ("a.1", Err("host_address")),
        ("1.a", Ok("1.a")),
        ("[::1]", Ok("[::1]")),
        ("[0:0:0::1]:80", Ok("[::1]")),
        ("[2001:DB8::A]", Ok("[2001:db8::a]")),
        ("[::ffff:10.0.0.1]", Ok("[::ffff:10.0.0.1]")),
        ("[::1].", Err("host_port")),
        ("[::1]x", Err("host_port")),
        ("[::1", Err("host_address")),
        ("[]", Err("host_address")),
        ("[fe80::1%eth0]", Err("host_address")),
        ("[10.0.0.1]", Err("host_address")),
        ("::1", Err("host_port")),
        (&longest, Ok(&*longest)),
        (&format!("{longest}."), Ok(&*longest)),
        (&format!("{longest}c"), Err("host_too_long")),
        (&"a".repeat(64), Err("host_too_long")),
    ] {
        let host = HostName::parse(raw.as_bytes());
        let found = match &host {
            Ok(host) => Ok(std::str::from_utf8(host.as_bytes()).unwrap()),
            Err(why) => Err(why.label()),
        };
        assert_eq!(found, expected, "{raw:?}");
    }
}

#[test]
fn parents_are_the_nearest_first() {
    let host = HostName::parse(b"a.b.shop.example").unwrap();
    let parents: Vec<&[u8]> = host.parents().collect();
    assert_eq!(
        parents,
        [&b"b.shop.example"[..], b"shop.example", b"example"]
    );
    assert_eq!(HostName::parse(b"localhost").unwrap().parents().count(), 0);
}

#[test]
fn patterns_print_as_they_are_written() {
    for text in ["a.example", "*.example", "10.0.0.1", "[::1]"] {
        assert_eq!(HostPattern::parse(text).unwrap().to_string(), text);
    }
}
