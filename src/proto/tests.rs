//! The trimmed protos have the names and numbers of the whole ones, as envoy-types has them.

use envoy_types::pb::envoy::config::core::v3::{
    Address, HeaderMap, HeaderValue, HeaderValueOption, SocketAddress, address,
    header_value_option::HeaderAppendAction,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{BoolValue, Struct, Value};
use envoy_types::pb::google::rpc::Status;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};

/// The text of `message`, as the trimmed descriptors name its fields.
fn read_trimmed<M: Message + Default + PartialEq + std::fmt::Debug>(
    name: &str,
    message: &M,
) -> String {
    let pool = DescriptorPool::decode(super::FILE_DESCRIPTOR_SET).unwrap();
    let descriptor = pool.get_message_by_name(name).unwrap();
    let bytes = message.encode_to_vec();
    let read = DynamicMessage::decode(descriptor, bytes.as_slice()).unwrap();
    assert_eq!(
        M::decode(read.encode_to_vec().as_slice()).unwrap(),
        *message
    );
    read.to_text_format()
}

const STATUS: &str = r#"status{code:7,message:"a-message"}"#;
const OPTION: &str = r#"{header{key:"a-key",value:"a-value",raw_value:"raw"},append{value:true},append_action:OVERWRITE_IF_EXISTS_OR_ADD,keep_empty_value:true}"#;
const METADATA: &str = r#"dynamic_metadata{fields:[{key:"a-key",value{string_value:"a-text"}}]}"#;

fn header(key: &str, value: &str) -> HeaderValue {
    HeaderValue {
        key: key.to_owned(),
        value: value.to_owned(),
        raw_value: b"raw".to_vec(),
    }
}

#[test]
fn requests_agree() {
    let http = HttpRequest {
        method: "a-method".to_owned(),
        headers: [("a-name".to_owned(), "a-value".to_owned())].into(),
        header_map: Some(HeaderMap {
            headers: vec![header("a-key", "a-listed-value")],
        }),
        path: "a-path".to_owned(),
        host: "a-host".to_owned(),
        query: "a-query".to_owned(),
        fragment: "a-fragment".to_owned(),
        scheme: "a-scheme".to_owned(),
        size: 512,
        ..HttpRequest::default()
    };
    let request = CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(Peer {
                address: Some(Address {
                    address: Some(address::Address::SocketAddress(SocketAddress {
                        address: "an-address".to_owned(),
                        ..SocketAddress::default()
                    })),
                }),
                principal: "a-principal".to_owned(),
                ..Peer::default()
            }),
            request: Some(Request {
                http: Some(http),
                ..Request::default()
            }),
            ..AttributeContext::default()
        }),
    };
    assert_eq!(
        read_trimmed("envoy.service.auth.v3.CheckRequest", &request),
        "attributes{source{address{socket_address{address:\"an-address\"}},principal:\"a-principal\"},\
         request{http{method:\"a-method\",headers:[{key:\"a-name\",value:\"a-value\"}],\
         path:\"a-path\",host:\"a-host\",scheme:\"a-scheme\",query:\"a-query\",fragment:\"a-fragment\",size:512,\
         header_map{headers:[{key:\"a-key\",value:\"a-listed-value\",raw_value:\"raw\"}]}}}}"
    );
}

#[expect(deprecated, reason = "the field is still what some releases go by")]
fn header_option() -> HeaderValueOption {
    HeaderValueOption {
        header: Some(header("a-key", "a-value")),
        append: Some(BoolValue { value: true }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        keep_empty_value: true,
    }
}

fn response(http_response: HttpResponse) -> CheckResponse {
    CheckResponse {
        status: Some(Status {
            code: 7,
            message: "a-message".to_owned(),
            details: Vec::new(),
        }),
        dynamic_metadata: Some(Struct {
            fields: [(
                "a-key".to_owned(),
                Value {
                    kind: Some(Kind::StringValue("a-text".to_owned())),
                },
            )]
            .into(),
        }),
        http_response: Some(http_response),
    }
}

#[test]
fn refusals_agree() {
    let denied = response(HttpResponse::DeniedResponse(DeniedHttpResponse {
        status: Some(HttpStatus { code: 403 }),
        headers: vec![header_option()],
        body: "a-body".to_owned(),
    }));
    assert_eq!(
        read_trimmed("envoy.service.auth.v3.CheckResponse", &denied),
        format!(
            "{STATUS},denied_response{{status{{code:403}},headers:[{OPTION}],body:\"a-body\"}},\
             {METADATA}"
        )
    );
}

#[test]
fn permissions_agree() {
    let ok = response(HttpResponse::OkResponse(OkHttpResponse {
        headers: vec![header_option()],
        headers_to_remove: vec!["a-name".to_owned()],
        ..OkHttpResponse::default()
    }));
    assert_eq!(
        read_trimmed("envoy.service.auth.v3.CheckResponse", &ok),
        format!(
            "{STATUS},ok_response{{headers:[{OPTION}],headers_to_remove:[\"a-name\"]}},{METADATA}"
        )
    );
}
