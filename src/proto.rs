//! The protocols of `proto/`, as compiled by `build.rs`.

/// The encoded `FileDescriptorSet` of what the authz listener speaks, for gRPC server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The same of the feed.
pub const FEED_FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/feed_descriptors.bin"));

#[cfg(test)]
mod tests;
