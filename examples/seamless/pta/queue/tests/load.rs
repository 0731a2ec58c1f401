//! Tests a thousand sign-ins while agents are killed.

use super::*;
use tokio::time::sleep_until;

/// Four agents have four requests each. Each second, the test kills one agent with all its requests and jobs, and starts
/// it again.
#[tokio::test(start_paused = true)]
async fn thousand_sign_ins_get_the_right_verdict_in_time_while_an_agent_is_killed_each_second() {
    let world = world();
    let run = |number: u8, connection: u64| {
        let world = Arc::clone(&world);
        let work = async move {
            loop {
                let place = Place { connection, ..place(number) };
                let Taken::Job(job) = world.gateway.take(place).await else { return };
                let (terms, sealed) = job.terms(&tenant(), agent(number)).unwrap();
                let (password, key) = sealing_key(number).open_password(&terms, &sealed).unwrap();
                sleep(Duration::from_millis(50)).await;
                let answer = key.answer(&terms, &word(&password, number), [number; 12]).unwrap();
                let _ = world.gateway.answer(agent(number), answer);
            }
        };
        tokio::spawn(work)
    };
    let mut running: Vec<_> = (1..=4).map(|number| (number, u64::from(number), run(number, number.into()))).collect();
    running.extend((1..=4).map(|number| (number, u64::from(number), run(number, number.into()))));
    tokio::task::yield_now().await;
    let (mut asking, began) = (Vec::new(), Instant::now());
    for count in 0..1_000_u64 {
        sleep_until(began + Duration::from_millis(count * 20)).await;
        if count % 50 == 49 {
            let victim = u8::try_from(count / 50 % 4).unwrap() + 1;
            for (number, connection, work) in &mut running {
                if *number == victim {
                    work.abort();
                    world.gateway.closed(*connection);
                    *connection = count + 100;
                    *work = run(victim, *connection);
                }
            }
        }
        let (world, password) = (Arc::clone(&world), if count % 3 == 0 { "wrong" } else { "right" });
        asking.push((password, tokio::spawn(async move { sign_in(&world, password).await })));
    }
    for (password, asking) in asking {
        let (verdict, millis) = asking.await.unwrap();
        let is_right = match &verdict {
            Ok(Verdict::Ticket(_)) => password == "right",
            Ok(Verdict::Refused { .. }) => password == "wrong",
            Err(_) => false,
        };
        assert!(is_right && millis < 10_000, "{password} {verdict:?} {millis}");
    }
}
