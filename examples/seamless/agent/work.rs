//! Takes jobs from two nodes, answers them, and renews the certificate before it expires.

use crate::alternate::AlternateNames;
use crate::arguments::Arguments;
use crate::clock;
use crate::connection::{Connection, ConnectionError};
use crate::directory::{Beside, Directory};
use crate::folder::Folder;
use crate::job::Validator;
use crate::proxy::Proxy;
use crate::renewal::renew;
use crate::session::{ANSWER_TIME, Session};
use crate::{Failure, VERSION, check};
use hyper::{Method, StatusCode};
use seamless_pta::message::{Answer, Bootstrap, Job, NodeUrl, Take, V1, read, write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The surroundings of the agent: its folder, its proxy, the directory for a realm, and the lookup of alternate names.
pub(crate) struct Site<'f> {
    pub(crate) folder: &'f Folder,
    pub(crate) proxy: Option<Arc<Proxy>>,
    pub(crate) directory_of: Box<DirectoryOf>,
    pub(crate) alternate: Option<Arc<AlternateNames>>,
}

type DirectoryOf = dyn Fn(&str) -> Arc<dyn Directory> + Send + Sync;

/// Runs the agent until SIGTERM or SIGINT comes.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (kdcs, proxy) = (arguments.kdcs.clone(), arguments.proxy.clone().map(Arc::new));
    let directory_of =
        Box::new(move |realm: &str| -> Arc<dyn Directory> { Arc::new(Beside(check::kdc(&kdcs, realm))) });
    let alternate = arguments.alternate_names()?.map(Arc::new);
    tokio::select! {
        ended = work(Site { folder: &arguments.folder, proxy, directory_of, alternate }) => ended?,
        () = stopped() => tracing::info!("the agent stops"),
    }
    Ok(())
}

/// Runs the agent with the identity in the folder.
pub(crate) async fn work(site: Site<'_>) -> Result<(), Failure> {
    let session = Arc::new(Session::new(site.folder.identity()?, site.proxy.clone())?);
    tracing::info!(agent = %session.identity.agent, tenant = %session.identity.tenant, "the agent begins");
    supervise(&site, session).await
}

/// Returns whether the folder has an identity that the node accepts.
pub(crate) async fn is_taken(folder: &Folder, node: &NodeUrl) -> bool {
    let session = folder.identity().ok().and_then(|identity| Session::new(identity, None).ok());
    match session {
        Some(session) => session.identity.nodes.contains(node) && session.bootstrap(node).await.is_ok(),
        None => false,
    }
}

/// Asks the server for the agent's settings, and starts workers. After a renewal, the workers with the old certificate
/// finish their jobs and end.
async fn supervise(site: &Site<'_>, mut session: Arc<Session>) -> Result<(), Failure> {
    let mut workers: Option<Workers> = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let told = match session.bootstrap_of_any().await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!("the server does not send the settings of this agent: {error}");
                sleep(clock::spread(pause)).await;
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                continue;
            }
        };
        pause = FIRST_PAUSE;
        is_new_enough(&told)?;
        if told.renew || clock::now() >= session.identity.renew_at || site.folder.pending()?.is_some() {
            match renewed(&session, site.folder, site.proxy.clone()).await {
                Ok(renewed) => {
                    session = renewed;
                    workers = None;
                }
                Err(error) => tracing::error!("the certificate is not renewed: {error}"),
            }
        }
        let same = workers.as_ref().is_some_and(|workers| workers.are_as(&told));
        if !same {
            workers = Some(Workers::start(site, &session, &told));
        }
        if let Some(workers) = &workers {
            workers.validator.note_clock(told.clock);
        }
        let next = clock::now().until(session.identity.renew_at).max(SOONEST_RENEWAL);
        sleep(clock::spread(BOOTSTRAP_EVERY).min(next)).await;
    }
}

async fn renewed(
    session: &Session,
    folder: &Folder,
    proxy: Option<Arc<Proxy>>,
) -> Result<Arc<Session>, ConnectionError> {
    let identity = renew(session, folder).await?;
    tracing::info!(generation = identity.generation, "the agent has a new certificate");
    Session::new(identity, proxy).map(Arc::new)
}

fn is_new_enough(told: &Bootstrap) -> Result<(), String> {
    let numbers = |text: &str| text.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>();
    let wanted = told.min_version.as_str();
    if numbers(VERSION) >= numbers(wanted) {
        return Ok(());
    }
    Err(format!("the server needs agents of version {wanted} or later, and this is {VERSION}: update this program"))
}

/// The workers of one certificate. When this value is dropped, they finish their jobs and end.
struct Workers {
    validator: Arc<Validator>,
    nodes: Vec<NodeUrl>,
    concurrency: u16,
    _stop: watch::Sender<()>,
}

impl Workers {
    fn start(site: &Site<'_>, session: &Arc<Session>, told: &Bootstrap) -> Self {
        let directory = (site.directory_of)(told.realm.as_str());
        let (validator, (stop, stops)) =
            (Arc::new(Validator::new(directory, site.alternate.clone())), watch::channel(()));
        let is_proved = Arc::new(AtomicBool::new(false));
        for node in told.nodes.iter().take(NODES) {
            for _ in 0..told.concurrency {
                let worker = Worker {
                    session: Arc::clone(session),
                    validator: Arc::clone(&validator),
                    node: node.clone(),
                    is_proved: Arc::clone(&is_proved),
                    concurrency: told.concurrency,
                };
                tokio::spawn(worker.work(stops.clone()));
            }
        }
        tracing::info!(nodes = told.nodes.len().min(NODES), concurrency = told.concurrency, "the agent takes jobs");
        Self { validator, nodes: told.nodes.clone(), concurrency: told.concurrency, _stop: stop }
    }

    fn are_as(&self, told: &Bootstrap) -> bool {
        self.nodes == told.nodes && self.concurrency == told.concurrency
    }
}

struct Worker {
    session: Arc<Session>,
    validator: Arc<Validator>,
    node: NodeUrl,
    /// Whether the server has got the decrypted challenge, which proves that the agent has the sealing key.
    is_proved: Arc<AtomicBool>,
    concurrency: u16,
}

impl Worker {
    /// Takes jobs until there is a newer session. A worker does not cancel a waiting request, because the node may
    /// assign a job to it at any time. The node accepts the old certificate until the request has ended.
    async fn work(self, mut stops: watch::Receiver<()>) {
        let (mut connection, mut pause) = (None, FIRST_PAUSE);
        // When `Workers` is dropped, `has_changed` returns an error, and the worker ends.
        while stops.has_changed().is_ok() {
            match self.take(&mut connection).await {
                Ok(Some(job)) => {
                    pause = FIRST_PAUSE;
                    let answer = self.validator.answer(&self.session, &job).await;
                    self.answer(&mut connection, &answer).await;
                }
                Ok(None) => pause = FIRST_PAUSE,
                Err(error) => {
                    connection = None;
                    tracing::warn!(node = self.node.as_str(), "no job: {error}");
                    if matches!(error, ConnectionError::Refused { .. }) {
                        pause = pause.max(AFTER_REFUSAL);
                    }
                    tokio::select! {
                        () = sleep(clock::spread(pause)) => {}
                        _ = stops.changed() => return,
                    }
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn take(&self, connection: &mut Option<Connection>) -> Result<Option<Job>, ConnectionError> {
        let proof = (!self.is_proved.load(Ordering::Relaxed)).then_some(self.session.identity.proof);
        let key = self.session.sealing.public().id();
        let take = Take { v: V1, key, proof, free: self.concurrency, health: self.validator.health() };
        let connected = match connection {
            Some(connected) => connected,
            None => connection.insert(self.session.connect(&self.node).await?),
        };
        let (status, body) = connected.send(Method::POST, "take", write(&take)?, TAKE_TIME).await?;
        self.is_proved.store(true, Ordering::Relaxed);
        if status == StatusCode::NO_CONTENT { Ok(None) } else { Ok(Some(read(&body)?)) }
    }

    /// Sends an answer, and tries again if the connection fails.
    async fn answer(&self, connection: &mut Option<Connection>, answer: &Answer) {
        let Ok(body) = write(answer) else { return };
        let mut pause = ANSWER_PAUSE;
        for _ in 0..ANSWER_TRIES {
            let connected = match connection.take() {
                Some(connected) => Ok(connected),
                None => self.session.connect(&self.node).await,
            };
            let sent = match connected {
                Ok(mut connected) => {
                    let sent = connected.send(Method::POST, "answer", body.clone(), ANSWER_TIME).await;
                    *connection = Some(connected).filter(|_| sent.is_ok());
                    sent
                }
                Err(error) => Err(error),
            };
            match sent {
                Ok(_) => return,
                Err(error @ ConnectionError::Refused { .. }) => {
                    tracing::warn!(job = %answer.job(), "the answer is not taken: {error}");
                    return;
                }
                Err(error) => {
                    tracing::warn!(job = %answer.job(), "the answer is sent again: {error}");
                    sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
            }
        }
    }
}

/// Waits for SIGTERM or for the signal of Ctrl-C.
async fn stopped() {
    let mut signals = JoinSet::new();
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        signals.spawn(async move {
            terminate.recv().await;
        });
    }
    signals.spawn(async {
        let _ = tokio::signal::ctrl_c().await;
    });
    signals.join_next().await;
}

/// The number of nodes that the agent asks at the same time.
const NODES: usize = 2;
const BOOTSTRAP_EVERY: Duration = Duration::from_mins(11);
const SOONEST_RENEWAL: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const AFTER_REFUSAL: Duration = Duration::from_secs(5);

/// The longest time of a request for a job. The server holds such a request for 25 seconds.
const TAKE_TIME: Duration = Duration::from_secs(40);
const ANSWER_TRIES: usize = 5;
const ANSWER_PAUSE: Duration = Duration::from_millis(200);
