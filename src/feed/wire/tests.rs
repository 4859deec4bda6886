//! The messages are those of the proto, and rows mean what they meant to their writer.

use prost_reflect::{DescriptorPool, DynamicMessage};

use super::*;
use crate::proto::FEED_FILE_DESCRIPTOR_SET;

/// The text of `message`, as the proto names its fields.
fn read_by_the_proto<M: Message + Default + PartialEq + std::fmt::Debug>(
    name: &str,
    message: &M,
) -> String {
    let pool = DescriptorPool::decode(FEED_FILE_DESCRIPTOR_SET).unwrap();
    let name = format!("portcullis.feed.v1.{name}");
    let descriptor = pool.get_message_by_name(&name).unwrap();
    let bytes = message.encode_to_vec();
    let read = DynamicMessage::decode(descriptor, bytes.as_slice()).unwrap();
    assert_eq!(
        M::decode(read.encode_to_vec().as_slice()).unwrap(),
        *message
    );
    read.to_text_format()
}

fn frame(kind: Kind) -> String {
    read_by_the_proto("Frame", &Frame { kind: Some(kind) })
}

#[test]
fn the_messages_are_those_of_the_proto() {
    let request = SubscribeRequest {
        protocol_version: 1,
        issuer: "an-issuer".to_owned(),
        cursor: Bytes::from_static(b"a-cursor"),
        instance: Bytes::from_static(b"a-process"),
    };
    assert_eq!(
        read_by_the_proto("SubscribeRequest", &request),
        r#"protocol_version:1,issuer:"an-issuer",cursor:"a-cursor",instance:"a-process""#
    );
    let hello = Hello {
        protocol_version: 2,
        issuer: "an-issuer".to_owned(),
        resumed: true,
        heartbeat_ms: 1000,
        subscription: Bytes::from_static(b"an-id"),
    };
    assert_eq!(
        frame(Kind::Hello(hello)),
        r#"hello{protocol_version:2,issuer:"an-issuer",resumed:true,heartbeat_ms:1000,subscription:"an-id"}"#
    );
    let keys = Keys {
        jwks: "keys".to_owned(),
        algorithms: vec!["ES256".to_owned()],
    };
    assert_eq!(
        frame(Kind::Keys(keys)),
        r#"keys{jwks:"keys",algorithms:["ES256"]}"#
    );
    let heartbeat = Heartbeat {
        position: 3,
        issuer_time: -4,
        behind_ms: 5,
    };
    assert_eq!(
        frame(Kind::Heartbeat(heartbeat)),
        "heartbeat{position:3,issuer_time:-4,behind_ms:5}"
    );
    let row = |subject| Revocation {
        position: 1,
        expires_at: 2,
        subject: Some(subject),
    };
    let rows = Revocations {
        revocations: vec![
            row(RevokedTokens::Mark(Bytes::from_static(b"a-mark"))),
            row(RevokedTokens::Everyone(Everyone {})),
        ],
        position: 6,
        cursor: Bytes::from_static(b"a-cursor"),
    };
    assert_eq!(
        frame(Kind::Revocations(rows)),
        "revocations{revocations:[{position:1,expires_at:2,mark:\"a-mark\"},\
         {position:1,expires_at:2,everyone{}}],position:6,cursor:\"a-cursor\"}"
    );
}

#[test]
fn rows_mean_what_they_meant() {
    for mark in [
        None,
        Some(Mark(0)),
        Some(Mark(u128::MAX)),
        Some(Mark(1 << 64)),
    ] {
        let row = revocation::Revocation {
            position: LogPosition(u64::MAX),
            mark,
            expires_at: UnixSeconds(-1),
        };
        let sent = Revocation::from(&row).encode_to_vec();
        let read = Revocation::decode(sent.as_slice()).unwrap();
        assert_eq!(read.understand(), Understood::Wholly(row));
    }
}

/// A kind of subject with a field number that nobody uses yet.
#[test]
fn a_row_of_an_unknown_kind_is_everyones() {
    let mut sent = Revocation {
        position: 7,
        expires_at: 8,
        subject: None,
    }
    .encode_to_vec();
    sent.extend([0x7a, 1, b'x']);
    let read = Revocation::decode(sent.as_slice()).unwrap();
    let everyone = revocation::Revocation {
        position: LogPosition(7),
        mark: None,
        expires_at: UnixSeconds(8),
    };
    assert_eq!(read.understand(), Understood::AsEveryone(everyone));
}

#[test]
fn a_full_frame_fits_into_what_is_read() {
    let row = revocation::Revocation {
        position: LogPosition(u64::MAX),
        mark: Some(Mark(u128::MAX)),
        expires_at: UnixSeconds(i64::MIN),
    };
    let frame = Frame::encoded(Kind::Revocations(Revocations {
        revocations: vec![Revocation::from(&row); ROWS_PER_FRAME],
        position: u64::MAX,
        cursor: vec![0; 1000].into(),
    }));
    assert!(frame.len() < MAX_FRAME_BYTES / 2, "{}", frame.len());
}

#[test]
fn reports_are_those_of_the_proto() {
    let report = GateReport {
        subscription: Bytes::from_static(b"an-id"),
        name: "gate-1".to_owned(),
        version: "0.1.0".to_owned(),
        policy_digest: "a".to_owned(),
        policy_age_seconds: 1,
        shadow_policy_digest: "b".to_owned(),
        reload_failed: true,
        checks_allowed: 2,
        checks_denied: 3,
        knowledge_age_ms: Some(0),
        position: 4,
        untimed: 5,
        taken: vec![Taken {
            position: 6,
            ago_ms: 7,
        }],
        leaving: true,
    };
    assert_eq!(
        read_by_the_proto("GateReport", &report),
        r#"subscription:"an-id",name:"gate-1",version:"0.1.0",policy_digest:"a",policy_age_seconds:1,shadow_policy_digest:"b",reload_failed:true,checks_allowed:2,checks_denied:3,knowledge_age_ms:0,position:4,untimed:5,taken:[{position:6,ago_ms:7}],leaving:true"#
    );
    assert_eq!(read_by_the_proto("ReportReply", &ReportReply {}), "");
}
