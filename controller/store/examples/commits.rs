//! How many write sets a second the database takes: `commits [URL] [BATCH]`.
//!
//! Each makes a port of usual size with three claims and two reads, as the API does, in batches
//! of BATCH (64) on a temporary SQLite file or the given, empty database.

use std::error::Error;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use weft_schema::{Actor, Claim, ClaimChange, Read, RowChange, RowKey, Store, WriteSet};
use weft_store::{Options, open};

const WRITES: usize = 20_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("weft.db");
    let url = arguments
        .next()
        .unwrap_or(format!("sqlite:{}", file.display()));
    let batch: usize = arguments.next().map_or(Ok(64), |text| text.parse())?;

    let store = open(&url, &Options::default()).await?;
    let start = Instant::now();
    let mut done = 0;
    while done < WRITES {
        let head = store.head().await?;
        let writes = (done..done + batch)
            .map(|index| port(head, index))
            .collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        for verdict in store.commit(writes, now.as_micros() as i64).await {
            verdict?;
        }
        done += batch;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{done} write sets in {seconds:.2} s: {:.0}/s in batches of {batch}",
        done as f64 / seconds
    );

    let start = Instant::now();
    let rows = store.snapshot().await?.rows.len();
    println!(
        "snapshot of {rows} rows: {:.2} s",
        start.elapsed().as_secs_f64()
    );
    store.close().await;
    Ok(())
}

/// The write set that makes one port.
fn port(based_on: u64, index: usize) -> WriteSet {
    let id = format!("00000000-0000-4000-8000-{index:012}");
    let network = "00000000-0000-4000-9000-000000000001";
    let address = format!("10.{}.{}.{}", index >> 16, index >> 8 & 0xff, index & 0xff);
    let key = |kind: &str, id: &str| RowKey {
        kind: kind.into(),
        id: id.into(),
    };
    let body = json!({
        "id": id, "name": "", "network_id": network, "tenant_id": "p", "admin_state_up": true,
        "mac_address": format!("fa:16:3e:{:02x}:{:02x}:{:02x}", index >> 16, index >> 8 & 0xff, index & 0xff),
        "fixed_ips": [{"subnet_id": network, "ip_address": address}],
        "device_id": "", "device_owner": "", "security_groups": [network], "revision_number": 1,
        "binding:host_id": "host-1", "binding:vnic_type": "normal", "binding:profile": {},
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    });
    let claim = |kind: &str, name: String| ClaimChange {
        claim: Claim {
            kind: kind.into(),
            key: name.into(),
        },
        owner: Some(key("port", &id)),
    };
    WriteSet {
        based_on,
        actor: Actor::default(),
        rows: vec![RowChange {
            key: key("port", &id),
            before: None,
            after: body.as_object().cloned().map(Arc::new),
        }],
        claims: vec![
            claim("ip", format!("{network}/{address}")),
            claim("mac", format!("{network}/{index}")),
            claim("port_key", format!("{index}")),
        ],
        reads: [
            Read::Row(key("network", network)),
            Read::Row(key("subnet", network)),
        ]
        .into(),
    }
}
