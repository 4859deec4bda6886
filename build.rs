//! Compiles `proto/` into the descriptor set that gRPC server reflection serves.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = [
        "envoy/service/auth/v3/external_auth.proto",
        "portcullis/feed/v1/feed.proto",
    ];
    let descriptors = protox::compile(files, ["proto"])?;
    let target = PathBuf::from(std::env::var("OUT_DIR")?).join("descriptors.bin");
    std::fs::write(target, descriptors.encode_to_vec())?;
    Ok(())
}
