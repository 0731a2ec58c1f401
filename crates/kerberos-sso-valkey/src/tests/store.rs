//! A store for tests. The store implements the part of the protocol of Valkey and Redis (RESP3) that the cache uses,
//! and a test can change its answers.

use super::NOW;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex as Lock;

/// A store on a port of this machine.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) port: u16,
    state: Arc<Mutex<State>>,
    clients: Arc<Lock<Vec<Arc<Lock<OwnedWriteHalf>>>>>,
}

#[derive(Default)]
struct State {
    keys: HashMap<Vec<u8>, String>,
    commands: Vec<String>,
    info: HashMap<&'static str, String>,
    /// The answers that a test has set, by the name of the command.
    answers: HashMap<&'static str, String>,
    next_answers: HashMap<&'static str, VecDeque<String>>,
    /// Whether the store is emptied when it receives the next `SET`, before it executes that `SET`.
    empties_after_set: bool,
    clock_offset: i64,
}

impl Store {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let store = Self { port, state: Arc::default(), clients: Arc::default() };
        for (field, value) in [
            ("run_id", "5d3f0a1c8b"),
            ("uptime_in_seconds", "100"),
            ("maxmemory_policy", "noeviction"),
            ("role", "master"),
            ("master_replid", "aa11"),
            ("master_replid2", "0000"),
        ] {
            store.describe(field, value);
        }
        let serving = store.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        store
    }

    pub(super) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sets a field of `INFO`.
    pub(super) fn describe(&self, field: &'static str, value: &str) {
        self.state.lock().unwrap().info.insert(field, value.into());
    }

    /// Sets the answer to a command, in the protocol's format.
    pub(super) fn answer(&self, command: &'static str, answer: &str) {
        self.state.lock().unwrap().answers.insert(command, answer.into());
    }

    /// Adds an answer to a command. The store gives each added answer once, in the order in which they were added. Then
    /// the store answers as usual.
    pub(super) fn answer_once(&self, command: &'static str, answer: &str) {
        self.state.lock().unwrap().next_answers.entry(command).or_default().push_back(answer.into());
    }

    /// Removes the answer that a test set for a command.
    pub(super) fn answer_as_usual(&self, command: &'static str) {
        self.state.lock().unwrap().answers.remove(command);
    }

    pub(super) fn set_clock_offset(&self, seconds: i64) {
        self.state.lock().unwrap().clock_offset = seconds;
    }

    pub(super) fn empty_before_next_answer(&self) {
        self.state.lock().unwrap().empties_after_set = true;
    }

    /// Returns the commands that the store has received so far and that begin with `name`.
    pub(super) fn commands(&self, name: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.commands.iter().filter(|command| command.starts_with(name)).cloned().collect()
    }

    /// Ends all connections, forgets all keys, and continues as a new process with this `run_id`.
    pub(super) async fn restart(&self, run_id: &str) {
        self.describe("run_id", run_id);
        self.describe("uptime_in_seconds", "0");
        self.state.lock().unwrap().keys.clear();
        self.disconnect().await;
    }

    pub(super) async fn disconnect(&self) {
        for client in self.clients.lock().await.drain(..) {
            client.lock().await.shutdown().await.unwrap();
        }
    }

    /// Empties the store, and notifies its clients.
    pub(super) async fn flush(&self) {
        self.state.lock().unwrap().keys.clear();
        for client in self.clients.lock().await.iter() {
            client.lock().await.write_all(b">2\r\n$10\r\ninvalidate\r\n_\r\n").await.unwrap();
        }
    }

    async fn serve(self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let (reader, writer) = stream.into_split();
        let (mut reader, writer) = (BufReader::new(reader), Arc::new(Lock::new(writer)));
        self.clients.lock().await.push(Arc::clone(&writer));
        while let Some(command) = read_command(&mut reader).await {
            let empties = command.first().is_some_and(|name| name == b"SET") && {
                let mut state = self.state.lock().unwrap();
                std::mem::take(&mut state.empties_after_set)
            };
            if empties {
                self.flush().await;
            }
            let answer = self.state.lock().unwrap().answer_to(&command);
            if writer.lock().await.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

impl State {
    fn answer_to(&mut self, command: &[Vec<u8>]) -> String {
        let words: Vec<_> = command.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        self.commands.push(words.join(" "));
        let name = words.first().map_or("", String::as_str);
        if let Some(answer) = self.next_answers.get_mut(name).and_then(VecDeque::pop_front) {
            return answer;
        }
        if let Some(answer) = self.answers.get(name) {
            return answer.clone();
        }
        match name {
            "HELLO" => "%1\r\n$5\r\nproto\r\n:3\r\n".into(),
            "CLIENT" | "ASKING" | "AUTH" => "+OK\r\n".into(),
            "INFO" => {
                let lines: Vec<_> = self.info.iter().map(|(field, value)| format!("{field}:{value}\r\n")).collect();
                let lines = lines.concat();
                format!("${}\r\n{lines}\r\n", lines.len())
            }
            "TIME" => {
                let seconds = NOW.saturating_add_seconds(self.clock_offset).seconds().to_string();
                format!("*2\r\n${}\r\n{seconds}\r\n$1\r\n0\r\n", seconds.len())
            }
            "SET" => match (command.get(1), words.get(5)) {
                (Some(key), Some(_)) if self.keys.contains_key(key) => "_\r\n".into(),
                (Some(key), Some(forget_at)) => {
                    self.keys.insert(key.clone(), forget_at.clone());
                    "+OK\r\n".into()
                }
                _ => "-ERR syntax error\r\n".into(),
            },
            _ => "-ERR unknown command\r\n".into(),
        }
    }
}

/// Reads a command as an array of bulk strings; `None` at the end of the connection.
async fn read_command(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<Vec<Vec<u8>>> {
    let count = read_length(reader, "*").await?;
    let mut words = Vec::new();
    for _ in 0..count {
        let mut word = vec![0; read_length(reader, "$").await? + 2];
        reader.read_exact(&mut word).await.ok()?;
        word.truncate(word.len() - 2);
        words.push(word);
    }
    Some(words)
}

async fn read_length(reader: &mut (impl AsyncBufRead + Unpin), kind: &str) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).await.ok()?;
    line.trim_end().strip_prefix(kind)?.parse().ok()
}
