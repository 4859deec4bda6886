//! What a proxy tells of a request beside its line and its headers, as far as somebody says it.

use std::sync::atomic::{AtomicU8, Ordering};

/// What conditions read of the connection and the body; nothing where it is not said, which is not the same as
/// what a proxy does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub(in crate::cli) struct Surroundings {
    /// The scheme that the proxy tells, instead of that of the URL
    #[arg(long, value_name = "SCHEME", value_parser = ["http", "https"])]
    pub(in crate::cli) scheme: Option<String>,
    /// The address of the proxy's peer, without port; empty if the proxy tells none
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) source_address: Option<String>,
    /// The name in the certificate of the proxy's peer; empty if it has none
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) source_principal: Option<String>,
    /// The length of the body in bytes; -1 if the proxy does not know it
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    pub(in crate::cli) size: Option<i64>,
}

impl Surroundings {
    /// The same, with what is not said here taken from there.
    pub(in crate::cli) fn or(&self, other: &Self) -> Self {
        let text = |own: &Option<String>, other: &Option<String>| own.clone().or(other.clone());
        Self {
            scheme: text(&self.scheme, &other.scheme),
            source_address: text(&self.source_address, &other.source_address),
            source_principal: text(&self.source_principal, &other.source_principal),
            size: self.size.or(other.size),
        }
    }
}

/// Something that only the proxy knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Surrounding {
    Scheme,
    SourceAddress,
    SourcePrincipal,
    Size,
}

impl Surrounding {
    const ALL: [Self; 4] = [
        Self::Scheme,
        Self::SourceAddress,
        Self::SourcePrincipal,
        Self::Size,
    ];

    /// How a condition reads it, and the key of a test that says it. The option of `explain` has hyphens.
    pub(in crate::cli) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Scheme => ("request.scheme", "scheme"),
            Self::SourceAddress => ("request.source.address", "source_address"),
            Self::SourcePrincipal => ("request.source.principal", "source_principal"),
            Self::Size => ("request.size", "size"),
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Scheme => 1,
            Self::SourceAddress => 2,
            Self::SourcePrincipal => 4,
            Self::Size => 8,
        }
    }
}

/// What a condition has read and nobody has said. It is no part of the request: a copy has read nothing.
#[derive(Debug, Default)]
pub(in crate::cli) struct Unsaid(AtomicU8);

impl Unsaid {
    pub(super) fn add(&self, surrounding: Surrounding) {
        self.0.fetch_or(surrounding.bit(), Ordering::Relaxed);
    }

    pub(super) fn list(&self) -> Vec<Surrounding> {
        let bits = self.0.load(Ordering::Relaxed);
        let all = Surrounding::ALL.into_iter();
        all.filter(|one| bits & one.bit() != 0).collect()
    }
}

impl Clone for Unsaid {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Unsaid {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Unsaid {}
