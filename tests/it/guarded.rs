//! What comes from outside and means harm, or would do it by accident: addresses that would receive a token, bodies that never
//! end, names that move cursors, cells that run, and secrets on their way to where somebody reads them.

mod addresses;
mod bodies;
mod journal;
mod names;
mod secrecy;

use metering::RunSummary;
use platform::Connection;

use crate::scene::Scene;
use crate::shop::Shop;

const FIRST: &str = "2026-11-20T15:00:00Z";
const SECOND: &str = "2026-11-20T16:00:00Z";

/// A shop of two buyers who have used 1 and 2, its first run yet to come.
async fn shop(scene: &Scene) -> Shop {
    let shop = Shop::open(scene, "acme", 2, &["api_calls"]).await;
    shop.all_use(scene, "2026-11-20T14:10:00Z");
    scene.world.clock.set(crate::scene::at("2026-11-20T15:00:30Z"));
    shop
}

/// Changes a stored connection in a way that no file could.
async fn tamper(scene: &Scene, change: impl FnOnce(&mut Connection)) {
    let stored = scene.deps.store.connections().await.unwrap();
    let mut connection = stored.list.into_iter().next().unwrap().unwrap().value;
    change(&mut connection);
    scene
        .deps
        .store
        .put_connection(&connection, stored.guard)
        .await
        .unwrap();
}

/// All texts of a run's answer, and what it fails with.
fn told(run: &Result<RunSummary, platform::Fault>) -> String {
    match run {
        Err(fault) => fault.to_string(),
        Ok(summary) => {
            let fault = summary.failure().map_or_else(String::new, |fault| fault.message);
            format!("{}\n{fault}", serde_json::to_string(summary).unwrap())
        }
    }
}
