//! Compiles `proto/` into descriptor sets: one that gRPC server reflection serves, one of the feed.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let target = PathBuf::from(std::env::var("OUT_DIR")?);
    for (file, name) in [
        (
            "envoy/service/auth/v3/external_auth.proto",
            "descriptors.bin",
        ),
        ("portcullis/feed/v1/feed.proto", "feed_descriptors.bin"),
    ] {
        let descriptors = protox::compile([file], ["proto"])?;
        std::fs::write(target.join(name), descriptors.encode_to_vec())?;
    }
    Ok(())
}
