//! The protocols of `proto/`, as compiled by `build.rs`.

/// The encoded `FileDescriptorSet` of all of them, for gRPC server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

#[cfg(test)]
mod tests;
