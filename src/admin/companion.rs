//! What `/status` tells of the issuer in this process.

use serde::Serialize;

/// The issuer in this process.
#[derive(Debug, Serialize)]
pub struct CompanionStatus {
    pub store_up: bool,
    /// Whether the last periodic write was carried out.
    pub store_writable: bool,
    /// Null while both work.
    pub store_error: Option<ErrorStatus>,
    /// How many others run on its store.
    pub other_issuers: usize,
    /// What these have otherwise; absent where all agree.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disagreements: Vec<SettingStatus>,
}

/// What does not work, and since when.
#[derive(Debug, Serialize)]
pub struct ErrorStatus {
    pub since_unix_seconds: i64,
    pub error: String,
}

/// A setting that another issuer on the store has otherwise.
#[derive(Debug, Serialize)]
pub struct SettingStatus {
    pub setting: String,
    pub own: String,
    pub other: String,
    pub host: String,
}
