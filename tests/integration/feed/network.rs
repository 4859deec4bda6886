//! The network between a gate and its issuer, in the hand of the test.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// It arrives.
    Fair,
    /// Nothing arrives, and nobody is told: connections stay open.
    Silent,
    /// Connections end, and new ones end at once.
    Cut,
}

/// Forwards connections to an address that can change.
pub(crate) struct Network {
    address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
    weather: Arc<Mutex<watch::Sender<Weather>>>,
    /// That of the connections that were forgotten.
    forgotten: Mutex<Vec<watch::Sender<Weather>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Network {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::new(Mutex::new(target));
        let weather = Arc::new(Mutex::new(watch::Sender::new(Weather::Fair)));
        let task = accept(listener, Arc::clone(&target), Arc::clone(&weather));
        let task = tokio::spawn(task);
        Self {
            address,
            target,
            weather,
            forgotten: Mutex::default(),
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections so far stay silent for ever, as behind a router that has lost its table; new ones
    /// are made.
    pub(crate) fn forget(&self) {
        let fresh = watch::Sender::new(Weather::Fair);
        let earlier = std::mem::replace(&mut *self.weather.lock().unwrap(), fresh);
        earlier.send_replace(Weather::Silent);
        self.forgotten.lock().unwrap().push(earlier);
    }

    pub(crate) fn lead_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = target;
    }

    pub(crate) fn cut(&self) {
        self.turn(Weather::Cut);
    }

    pub(crate) fn silence(&self) {
        self.turn(Weather::Silent);
    }

    pub(crate) fn heal(&self) {
        self.turn(Weather::Fair);
    }

    fn turn(&self, weather: Weather) {
        self.weather.lock().unwrap().send_replace(weather);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: Arc<Mutex<SocketAddr>>,
    weather: Arc<Mutex<watch::Sender<Weather>>>,
) {
    loop {
        let (near, _) = listener.accept().await.unwrap();
        let weather = weather.lock().unwrap().clone();
        if *weather.borrow() == Weather::Cut {
            continue;
        }
        let target = *target.lock().unwrap();
        let Ok(far) = TcpStream::connect(target).await else {
            continue;
        };
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        let (there, back) = (weather.subscribe(), weather.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                () = forward(near_read, far_write, there) => {}
                () = forward(far_read, near_write, back) => {}
            }
        });
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = weather.wait_for(|weather| *weather == Weather::Cut) => return,
        };
        let Ok(count @ 1..) = read else {
            return;
        };
        // What was on its way when silence fell comes after it.
        let after = weather
            .wait_for(|weather| *weather != Weather::Silent)
            .await;
        if !after.is_ok_and(|weather| *weather == Weather::Fair) {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
