//! The threads that answer checks and do nothing else.
//!
//! Each runs a runtime of its own, and a connection stays on its thread. What a connection reads in
//! one turn is then answered by the same thread before the connection's next turn, in which all
//! answers go out in one write.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::Either;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};
use tonic::service::Routes;
use tower_service::Service;

use super::connection::{Accepted, Connection};
use super::http2_limits::Http2Limits;
use super::intake::{Inlet, Intake};
use super::read_turns::{LoopClock, ReadTurns};
use crate::ext_authz::{CheckBody, CheckService, ExtAuthz, is_check};
use crate::shutdown::{Phase, Shutdown};
use crate::tls;

/// The longest that a new connection may take to begin with HTTP/2. Proxies begin at once; whoever
/// does not keeps a place from them.
const PREFACE_PATIENCE: Duration = Duration::from_secs(5);

/// The longest that checks under way may take once their client is not admitted any more. It could
/// otherwise keep its connection, by not answering to the announcement of its end.
const WITHDRAWAL_PATIENCE: Duration = Duration::from_secs(5);

/// What all gate threads serve.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) checks: Arc<ExtAuthz>,
    /// The other services: health and reflection.
    pub(super) others: Routes,
    pub(super) http2: Http2Limits,
    pub(super) shutdown: Shutdown,
}

/// Running threads, whose connections end in the phase [`Phase::Stopping`].
pub(super) struct GateThreads(Vec<GateThread>);

struct GateThread {
    /// Dropped to end the thread at once, whatever it is doing.
    cut: Option<oneshot::Sender<Infallible>>,
    /// Closed when the thread has ended.
    ended: oneshot::Receiver<Infallible>,
    handle: Option<JoinHandle<()>>,
}

impl GateThreads {
    /// Starts `count` threads that serve the connections of `intake`.
    pub(super) fn start(count: usize, intake: Intake, served: &Served) -> anyhow::Result<Self> {
        let mut threads = Vec::new();
        let mut acceptor = intake.tls.as_ref().map(|tls| tls.runtime.clone());
        let mut inlets = Vec::new();
        for _ in 0..count {
            let clock = LoopClock::new();
            let runtime = runtime(&clock)?;
            // One listener for all threads. With one each, the kernel would choose the thread by the
            // connection's address, and a proxy with few connections could get all of them on one
            // thread.
            acceptor.get_or_insert_with(|| runtime.handle().clone());
            // Unbounded here, because `Connections` bounds how many there are: whoever accepts must
            // never wait for a busy thread.
            let (accepted, incoming) = mpsc::unbounded_channel();
            let open = Arc::new(AtomicUsize::new(0));
            let worker = Worker {
                incoming,
                open: Arc::clone(&open),
                clock,
                served: served.clone(),
            };
            threads.push(GateThread::start(runtime, worker)?);
            inlets.push(Inlet::new(accepted, open));
        }
        if let Some(runtime) = acceptor {
            let patience = served.http2.keepalive().min(PREFACE_PATIENCE);
            intake.open(&runtime, inlets, patience, &served.shutdown)?;
        }
        Ok(Self(threads))
    }

    /// Waits until every thread has ended by itself.
    pub(super) async fn ended(&mut self) {
        // A thread without a handle has ended: its receiver must not be polled again.
        for thread in self.0.iter_mut().filter(|thread| thread.handle.is_some()) {
            // The sender is dropped at the thread's end.
            let _ = (&mut thread.ended).await;
            thread.join();
        }
    }
}

impl Drop for GateThreads {
    fn drop(&mut self) {
        // All are cut before one is waited for: they end together and not in turn.
        for thread in &mut self.0 {
            thread.cut = None;
        }
        for thread in &mut self.0 {
            thread.join();
        }
    }
}

impl GateThread {
    fn start(runtime: Runtime, worker: Worker) -> anyhow::Result<Self> {
        let (cut, mut is_cut) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = worker.run() => {}
                    _ = &mut is_cut => {}
                }
            });
            // Before the end is told: tasks of the runtime hold connections and sockets until they are
            // dropped.
            drop(runtime);
            drop::<oneshot::Sender<Infallible>>(end);
        };
        let builder = std::thread::Builder::new().name("gate".to_owned());
        let handle = builder.spawn(work).context("cannot start a gate thread")?;
        Ok(Self {
            cut: Some(cut),
            ended,
            handle: Some(handle),
        })
    }

    /// Does not block for long: the thread is ending, or has ended.
    fn join(&mut self) {
        if let Some(handle) = self.handle.take() {
            // A thread that panicked has ended as well.
            let _ = handle.join();
        }
    }
}

fn runtime(clock: &Arc<LoopClock>) -> anyhow::Result<Runtime> {
    let clock = Arc::clone(clock);
    Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(move || clock.wake())
        .build()
        .context("cannot start the runtime of a gate thread")
}

struct Worker {
    incoming: mpsc::UnboundedReceiver<Accepted>,
    open: Arc<AtomicUsize>,
    clock: Arc<LoopClock>,
    served: Served,
}

impl Worker {
    /// Serves connections until the sender of new ones has been dropped, which happens in the phase
    /// [`Phase::Stopping`], and all have ended.
    async fn run(mut self) {
        let service = Responder {
            checks: CheckService::new(Arc::clone(&self.served.checks)),
            others: self.served.others.clone(),
        };
        let mut serving = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.incoming.recv() => match accepted {
                    Some(accepted) => {
                        let closed = Closed(Arc::clone(&self.open));
                        let connection = self.serve(accepted, service.clone());
                        serving.spawn(async move {
                            connection.await;
                            drop(closed);
                        });
                    }
                    None => break,
                },
                // Collects what has ended: the set would otherwise keep something of every connection
                // that there ever was.
                Some(_) = serving.join_next() => {}
            }
        }
        while serving.join_next().await.is_some() {}
    }

    fn serve(
        &self,
        mut accepted: Accepted,
        service: Responder,
    ) -> impl Future<Output = ()> + Send + 'static {
        let clock = Arc::clone(&self.clock);
        let turns = ReadTurns::new(Arc::clone(&clock));
        let limits = self.served.http2.clone();
        let stopping = self.served.shutdown.reached(Phase::Stopping);
        let withdrawn = tls::withdrawn(accepted.take_admission());
        async move {
            let Some(connection) = open(accepted, &turns) else {
                return;
            };
            let arrivals = Arc::clone(&turns);
            let respond = service_fn(move |request| {
                // Before the check waits for its turn among the others of this thread.
                let arrived = arrivals.arrived();
                service.clone().respond(request, arrived)
            });
            let io = TokioIo::new(connection);
            let mut connection = pin!(limits.server().serve_connection(io, respond));
            let mut end = pin!(end(last_look(stopping, &turns), withdrawn));
            let mut rest = None;
            let served = std::future::poll_fn(|context| {
                if let Some(observation) = clock.observation() {
                    tokio::spawn(observation);
                }
                turns.begin();
                let polled = connection.as_mut().poll(context);
                turns.end();
                if polled.is_ready() {
                    return polled;
                }
                if let Some(rest) = &mut rest {
                    return poll_rest(rest, context).map(Ok);
                }
                let Poll::Ready(patience) = end.as_mut().poll(context) else {
                    return polled;
                };
                if !turns.has_read() {
                    // HTTP/2 would wait for it to begin.
                    return Poll::Ready(Ok(()));
                }
                let rest = rest.insert(patience.map(|patience| Box::pin(sleep(patience))));
                // For its waker: it has not passed yet.
                let _ = poll_rest(rest, context);
                // The call only notes it; GOAWAY goes out with the poll that follows. Without it the
                // proxy would send checks on a connection that is about to end.
                connection.as_mut().graceful_shutdown();
                connection.as_mut().poll(context)
            });
            if let Err(error) = served.await {
                log_end(&error);
            }
        }
    }
}

fn open(accepted: Accepted, turns: &Arc<ReadTurns>) -> Option<Connection> {
    let opened = accepted.open(Some(Arc::clone(turns)));
    let opened = opened.inspect_err(|error| tracing::warn!(%error, "cannot serve a connection"));
    opened.ok()
}

/// Waits until the connection has to end. What is under way may then take so long, or as long as the
/// process allows.
async fn end(
    stopping: impl Future<Output = ()>,
    withdrawn: impl Future<Output = ()>,
) -> Option<Duration> {
    tokio::select! {
        () = stopping => None,
        () = withdrawn => Some(WITHDRAWAL_PATIENCE),
    }
}

/// Ready when what is left of a connection has to be cut off.
fn poll_rest(rest: &mut Option<Pin<Box<Sleep>>>, context: &mut Context<'_>) -> Poll<()> {
    match rest {
        Some(rest) => rest.as_mut().poll(context),
        None => Poll::Pending,
    }
}

/// Waits for `stopping`, and then until the socket of a connection that has read nothing yet has
/// been polled once more: a check may be in it.
async fn last_look(stopping: impl Future<Output = ()>, turns: &ReadTurns) {
    stopping.await;
    if !turns.has_read() {
        // The runtime polls the sockets before it resumes a task that yields.
        tokio::task::yield_now().await;
    }
}

/// Logs why a connection has ended. A proxy that closes its connection is not worth a warning; that
/// HTTP/2 itself ended a connection, with every check on it, is.
fn log_end(error: &hyper::Error) {
    let source = std::error::Error::source(error);
    let http2 = source.and_then(|source| source.downcast_ref::<h2::Error>());
    if let Some(cause) = http2.filter(|http2| http2.is_library()) {
        tracing::warn!(
            error = %cause,
            "a connection to the authz listener violated HTTP/2 and was closed, with all checks \
             on it"
        );
    } else {
        tracing::debug!(%error, "a connection to the authz listener has failed");
    }
}

/// Decrements the number of open connections when dropped.
struct Closed(Arc<AtomicUsize>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers the requests of a connection.
#[derive(Clone)]
struct Responder {
    checks: CheckService,
    others: Routes,
}

impl Responder {
    fn respond(
        mut self,
        request: http::Request<Incoming>,
        arrived: std::time::Instant,
    ) -> impl Future<Output = Result<http::Response<ResponseBody>, Infallible>> {
        if is_check(request.uri()) {
            let answering = self.checks.answer(request, arrived);
            Either::Left(answering.map(|response| Ok(response.map(ResponseBody::Check))))
        } else {
            // On the heap, so that it does not make the futures of checks larger.
            Either::Right(Box::pin(async move {
                // Routes are always ready.
                let response = self.others.call(request).await?;
                Ok(response.map(ResponseBody::Other))
            }))
        }
    }
}

/// The body of a response.
enum ResponseBody {
    Check(CheckBody),
    Other(tonic::body::Body),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        match self.get_mut() {
            Self::Check(body) => {
                let frame = Pin::new(body).poll_frame(context);
                frame.map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Self::Other(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Check(body) => body.is_end_stream(),
            Self::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Check(body) => body.size_hint(),
            Self::Other(body) => body.size_hint(),
        }
    }
}
