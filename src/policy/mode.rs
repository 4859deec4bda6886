//! Whether what a route refuses is refused.

/// What becomes of a request that a route refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// It is let through, logged and counted, so that the effect of a route can be seen before it is
    /// enforced.
    Shadow,
}

/// What logs and metrics call the route of requests that no route lists. No route of a policy can be
/// called so.
pub const NO_ROUTE: &str = "(no route)";
