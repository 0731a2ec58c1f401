//! A node with made-up agents, for the live test of the queue and for trials by hand.
//!
//! ```text
//! node --name n2 --broker nats://127.0.0.1:4222 [--ca F --certificate F --key F] --agents 1,2 [--places 4] [--millis 50]
//! node --name n1 --broker nats://127.0.0.1:4222
//! ```
//!
//! The program prints `{"ready":true}` when its agents wait for jobs, and `{"connected":true}` when it has connected to the
//! broker for the first time. Each line of standard input is a sign-in: `right`, `wrong`, or `password ` with any password
//! after it. For each sign-in, the program prints the verdict, the agent and the milliseconds. The program ends at the end of
//! standard input.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod made_up;

use made_up::{Act, Desk, RIGHT, agent, sign_in, work};
use seamless_pta::queue::{Gateway, Queue as _, Verdict};
use seamless_pta_nats::{Access, Nats, NodeName, Tls};
use serde_json::json;
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let option = |name: &str| options.get(name).map(String::as_str);
    let name = option("name").and_then(NodeName::parse).ok_or("--name: small letters, digits and hyphens")?;
    let tls = match (option("ca"), option("certificate"), option("key")) {
        (Some(ca), Some(certificate), Some(key)) => {
            Some(Tls { ca: ca.into(), certificate: certificate.into(), key: key.into() })
        }
        _ => None,
    };
    let access = Access { url: option("broker").ok_or("--broker: an address")?.into(), tls };
    let (queue, gateway) = (Nats::connect(name, &access).await?, Arc::new(Gateway::default()));
    queue.serve(Arc::clone(&gateway));
    let act = Act::Ask(option("millis").unwrap_or("50").parse()?);
    for number in option("agents").unwrap_or_default().split(',').filter(|number| !number.is_empty()) {
        for _ in 0..option("places").unwrap_or("4").parse::<u8>()? {
            let number = number.parse()?;
            tokio::spawn(work(Arc::clone(&gateway), number, number.into(), act));
        }
    }
    tokio::task::yield_now().await;
    println!("{}", json!({ "ready": true }));
    let queue = Arc::new(queue);
    tokio::spawn(tell_connected(Arc::clone(&queue)));
    let (mut lines, mut asking, desk) = (BufReader::new(stdin()).lines(), JoinSet::new(), Arc::new(Desk::new()));
    while let Some(line) = lines.next_line().await? {
        let (queue, desk) = (Arc::clone(&queue), Arc::clone(&desk));
        asking.spawn(async move { answer(&queue, &desk, &line).await });
    }
    while asking.join_next().await.is_some() {}
    Ok(())
}

async fn answer(queue: &Nats, desk: &Desk, line: &str) {
    let password = match line {
        "right" => RIGHT,
        other => other.strip_prefix("password ").unwrap_or("wrong"),
    };
    let (verdict, millis) = sign_in(queue, desk, password).await;
    let number = |id| (1..=9_u8).find(|number| agent(*number) == id);
    let millis = u64::try_from(millis).unwrap();
    let shown = match verdict {
        Ok(Verdict::Ticket(ticket)) => json!({ "verdict": "ticket", "agent": number(ticket.agent) }),
        Ok(Verdict::Refused { refusal, agent, .. }) => json!({ "verdict": refusal, "agent": number(agent) }),
        Err(failure) => json!({ "verdict": "failed", "failure": failure.to_string() }),
    };
    println!("{}", json!({ "asked": line == "right", "ms": millis, "result": shown }));
}

async fn tell_connected(queue: Arc<Nats>) {
    while !queue.is_connected() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    println!("{}", json!({ "connected": true }));
}

fn options() -> Result<HashMap<String, String>, String> {
    let (mut options, mut arguments) = (HashMap::new(), std::env::args().skip(1));
    while let Some(argument) = arguments.next() {
        let name = argument.strip_prefix("--").ok_or_else(|| format!("{argument}: no option"))?;
        let value = arguments.next().ok_or_else(|| format!("--{name}: a value is missing"))?;
        options.insert(name.to_owned(), value);
    }
    Ok(options)
}
