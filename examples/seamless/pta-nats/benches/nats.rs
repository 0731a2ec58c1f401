//! Measures the time of a job in three cases: sealing and opening alone, the queue of one process, and two nodes with NATS.
//!
//! `cargo bench -p kerberos-sso-seamless-pta-nats` starts `nats-server` on a free port. The agents answer at once. All figures
//! come from one run, so their ratios hold on a busy machine, too.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "../examples/made_up/mod.rs"]
mod made_up;

use made_up::{Act, Desk, RIGHT, agent, sealing_key, sign_in, tenant, work};
use seamless_pta::queue::{Gateway, InProcess, Node as _, Queue};
use seamless_pta::terms::Terms;
use seamless_pta::{Fixed, Time, User};
use seamless_pta_nats::{Access, Nats, NodeName};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The results of one run.
struct Measured {
    each_second: f64,
    /// The CPU time that this thread needs for a job. Other processes do not change this time much.
    processor: Duration,
    p50: Duration,
    p99: Duration,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // The fastest round counts, because other processes can only make a round slower.
        let mut rows = round().await;
        for _ in 1..ROUNDS {
            for (row, next) in rows.iter_mut().zip(round().await) {
                let processor = row.1.processor.min(next.1.processor);
                if next.1.each_second > row.1.each_second {
                    *row = next;
                }
                row.1.processor = processor;
            }
        }
        let alone = &rows[0].1;
        for (name, row) in &rows {
            let Measured { each_second, processor, p50, p99 } = row;
            println!("{name}: {each_second:.0} jobs a second, p50 {p50:?}, p99 {p99:?}, {processor:?} of the processor for a job");
            let (rate, share) = (each_second / alone.each_second, alone.processor.div_duration_f64(*processor));
            println!("    of seal and open alone: {rate:.2} of its jobs a second, {share:.2} of its jobs per second of CPU time");
        }
        if let (Some((_, near)), Some((_, far))) = (rows.get(1), rows.get(3)) {
            println!("NATS adds {:?} at p50", far.p50.saturating_sub(near.p50));
        } else {
            println!("no nats-server is installed: the rows with NATS are left out");
        }
    });
}

async fn round() -> Vec<(&'static str, Measured)> {
    let mut rows = vec![("seal and open alone", sealing()), ("in the process", in_process(1).await)];
    rows.push(("in the process, 64 at once", in_process(64).await));
    if let Some(broker) = Broker::start().await {
        rows.push(("between two nodes with NATS", nats(&broker.url, 1).await));
        rows.push(("between two nodes with NATS, 64 at once", nats(&broker.url, 64).await));
    }
    rows
}

fn sealing() -> Measured {
    let (desk, key) = (Desk::new(), sealing_key(1));
    let public = key.public();
    let (mut times, processor) = (Vec::new(), processor());
    for _ in 0..COUNT {
        let began = Instant::now();
        let terms = Terms {
            tenant: tenant(),
            agent: agent(1),
            key: public.id(),
            job: Fixed::new([3; 16]),
            user: User::parse("alice").unwrap(),
            issued: Time::from_millis(1),
            expires: Time::from_millis(5_000),
            nonce: Fixed::new(*desk.random()),
        };
        let (sealed, _) = public.seal_password(&terms, RIGHT.as_bytes(), desk.random()).unwrap();
        assert!(key.open_password(&terms, &sealed).is_ok());
        times.push(began.elapsed());
    }
    let whole = times.iter().sum();
    measured(times, whole, processor)
}

async fn in_process(at_once: usize) -> Measured {
    let (queue, gateway) = (InProcess::default(), Arc::new(Gateway::default()));
    queue.serve(Arc::clone(&gateway));
    let agents = agents(&gateway, at_once);
    let done = load(Arc::new(queue), at_once).await;
    agents.iter().for_each(tokio::task::JoinHandle::abort);
    done
}

async fn nats(url: &str, at_once: usize) -> Measured {
    let access = Access { url: url.into(), tls: None };
    let node = |name| Nats::connect(NodeName::parse(name).unwrap(), &access);
    let (a, b) = (node("n1").await.unwrap(), node("n2").await.unwrap());
    let gateway = Arc::new(Gateway::default());
    a.serve(Arc::new(Gateway::default()));
    b.serve(Arc::clone(&gateway));
    let agents = agents(&gateway, at_once);
    // The first successful job shows that the subscription to the offers is active.
    while sign_in(&a, &Desk::new(), RIGHT).await.0.is_err() {}
    let done = load(Arc::new(a), at_once).await;
    agents.iter().for_each(tokio::task::JoinHandle::abort);
    done
}

/// Starts two agents that can take all jobs at the same time.
fn agents(gateway: &Arc<Gateway>, at_once: usize) -> Vec<tokio::task::JoinHandle<()>> {
    let places = (1..=2).flat_map(|number| std::iter::repeat_n(number, at_once));
    places.map(|number| tokio::spawn(work(Arc::clone(gateway), number, number.into(), Act::Ask(0)))).collect()
}

async fn load(queue: Arc<dyn Queue>, at_once: usize) -> Measured {
    let (began, processor, desk) = (Instant::now(), processor(), Arc::new(Desk::new()));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..at_once {
        let (queue, desk) = (Arc::clone(&queue), Arc::clone(&desk));
        asking.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..COUNT / at_once {
                let began = Instant::now();
                sign_in(&*queue, &desk, RIGHT).await.0.unwrap();
                times.push(began.elapsed());
            }
            times
        });
    }
    let times = asking.join_all().await.concat();
    measured(times, began.elapsed(), processor)
}

/// Returns the CPU time that this thread has used. Linux counts this time in nanoseconds.
fn processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// Returns the results of a run. `before` is the CPU time at the beginning of the run.
fn measured(mut times: Vec<Duration>, whole: Duration, before: Duration) -> Measured {
    let processor = processor().checked_sub(before).unwrap() / u32::try_from(times.len()).unwrap();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let count = f64::from(u32::try_from(times.len()).unwrap());
    Measured { each_second: count / whole.as_secs_f64(), processor, p50: at(50), p99: at(99) }
}

/// A `nats-server` process, which is killed when this value is dropped.
struct Broker {
    server: Child,
    url: String,
}

impl Broker {
    async fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let port = free.port().to_string();
        let mut command = Command::new("nats-server");
        command.args(["--addr", "127.0.0.1", "--port", &port]).stdout(Stdio::null()).stderr(Stdio::null());
        let broker = Self { server: command.spawn().ok()?, url: format!("nats://{free}") };
        while tokio::net::TcpStream::connect(free).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(broker)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The number of rounds.
const ROUNDS: usize = 7;
/// The number of jobs from which a round computes each figure.
const COUNT: usize = 1_024;
