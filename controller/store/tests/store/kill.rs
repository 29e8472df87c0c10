//! What was acknowledged stays, also when the process is killed the next moment.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use weft_schema::Store;

use crate::databases::{on_each, opened};
use crate::writes::{based_on, commit};

/// Set for the process that is going to be killed: the database that it writes to.
const VICTIM: &str = "WEFT_STORE_TEST_VICTIM";

/// What the victim says before each number.
const COMMITTED: &str = "committed ";

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    if let Ok(url) = env::var(VICTIM) {
        return write_until_killed(&url).await;
    }
    on_each(async |url| {
        let mut victim = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "kill::what_was_acknowledged_survives_a_kill",
                "--nocapture",
            ])
            .env(VICTIM, url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut last = 0;
        for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let Some((_, number)) = line.split_once(COMMITTED) else {
                continue;
            };
            last = number.parse().unwrap();
            if last == 100 {
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        assert!(last >= 100);
        let store = opened(url).await;
        let snapshot = store.snapshot().await.unwrap();
        let head = snapshot.revision;
        assert!(head >= last, "{head} < {last}");
        assert_eq!(snapshot.rows.len() as u64, head);
        assert_eq!(snapshot.claims.len() as u64, head);
        // A server may still be about to end the last commit.
        assert!(store.entries(0, usize::MAX).await.unwrap().len() as u64 >= head);
    })
    .await;
}

async fn write_until_killed(url: &str) {
    let store = opened(url).await;
    for number in 0.. {
        let name = format!("{number}");
        let write = based_on(number).port(&name, "n").take(&name, &name);
        let revision = commit(&store, [write]).await.remove(0).unwrap();
        println!("{COMMITTED}{revision}");
    }
}
