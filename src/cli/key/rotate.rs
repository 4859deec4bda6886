//! `portcullis key rotate`: a new signing key for the issuer, whether it runs or not.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::cli::Finding;
use crate::cli::administration::note_unless_in_use;
use crate::cli::operator::operator;
use crate::cli::token::instant::distance;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Overrides};
use crate::issuer::{KeyRotation, RotationPace, last_run, rotate_keys};
use crate::store::{Store, StoreLocation};
use crate::telemetry::LogWriter;

/// Whose key is rotated, and how soon.
#[derive(Debug, clap::Args)]
pub struct RotateArgs {
    /// The server's configuration, which names the issuer's store.
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    pub config: PathBuf,
    /// Replace a key that may be compromised: the new key signs at once, and gates refuse every token
    /// that was signed before: within a second, or from the next refresh of `jwks_uri`.
    #[arg(long)]
    pub now: bool,
    /// With `--now`: do not ask, although everybody's access tokens end.
    #[arg(long, requires = "now")]
    pub yes: bool,
}

/// What has to be typed where it is asked.
const TYPED: &str = "withdraw";

/// More than that, and nobody reads on.
const MAX_TYPED_BYTES: u64 = 256;

/// Whether somebody means it that everybody's tokens end.
fn is_meant(args: &RotateArgs) -> anyhow::Result<bool> {
    if !args.now || args.yes {
        return Ok(true);
    }
    let ends = "this withdraws all signing keys: every access token of everybody ends at once";
    if !std::io::stdin().is_terminal() {
        bail!("{ends}; repeat it with `--yes`");
    }
    // Nobody is left to answer if standard error is gone.
    write!(
        std::io::stderr(),
        "portcullis: {ends}. Type `{TYPED}` to go on: "
    )?;
    let mut typed = String::new();
    let stdin = std::io::stdin().lock();
    stdin.take(MAX_TYPED_BYTES).read_line(&mut typed)?;
    Ok(typed.trim() == TYPED)
}

/// Adds the key to the store; issuers that run on it take it over by themselves.
pub(super) fn run(args: &RotateArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let config = Config::load(&args.config, &Overrides::default())?;
    // Kept until the end: dropped earlier, it would write no line that comes later.
    let log = LogWriter::of_command(&config.log);
    log.install(&config.log);
    let settings = config.issuer.with_context(|| {
        format!(
            "`{}` has no section `issuer`, so there is no key to rotate",
            args.config.display()
        )
    })?;
    if let StoreLocation::Sqlite(path) = &settings.store
        && !path.exists()
    {
        bail!(
            "`issuer.store`: there is no `{}` yet: the server makes it, with its first key, when \
             it starts",
            path.display()
        );
    }
    if !is_meant(args)? {
        writeln!(out, "nothing was done")?;
        return Ok(Finding::No);
    }
    let pace = if args.now {
        RotationPace::AtOnce
    } else {
        RotationPace::Announced
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let now = SystemClock.now();
    let (rotation, last) = runtime.block_on(async {
        let store = Store::open(&settings.store)
            .await
            .context("`issuer.store`")?;
        store.keep_audit(settings.audit_seconds);
        let rotation = rotate_keys(&store, &settings, pace, &operator(), now).await;
        let last = last_run(&store, now).await;
        store.close().await;
        anyhow::Ok((rotation?, last))
    })?;
    if let Ok(last) = last {
        note_unless_in_use(last);
    }
    let KeyRotation {
        key_id,
        algorithm,
        active_from,
        already_published,
    } = rotation;
    writeln!(out, "key id      {key_id}")?;
    writeln!(out, "algorithm   {algorithm}")?;
    let away = distance(active_from, now);
    writeln!(out, "signs from  {active_from} ({away})")?;
    if already_published {
        writeln!(
            out,
            "It was published before and waits for that: no other was made."
        )?;
    } else if args.now {
        writeln!(
            out,
            "All other keys are withdrawn. Within a second the running issuers on this store and \
             the gates that follow them refuse the tokens of those keys; a gate that reads the keys \
             by `jwks_uri` does at its next refresh."
        )?;
    }
    Ok(Finding::Yes)
}
