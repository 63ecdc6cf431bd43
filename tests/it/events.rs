//! Every file in `events/` is an event that its function takes.

use std::path::Path;

use lambda_runtime::{Context, LambdaEvent};
use serde_json::Value;

use crate::scene::Scene;
use crate::spine::connection;

#[tokio::test(start_paused = true)]
async fn every_event_file_is_taken_by_its_function() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events"));
    let mut taken = Vec::new();
    for function in folder.read_dir().unwrap() {
        for file in function.unwrap().path().read_dir().unwrap() {
            let path = file.unwrap().path();
            let event: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let told = handle(&path, event).await;
            taken.push(format!(
                "{}: {told}",
                path.strip_prefix(folder).unwrap().display()
            ));
        }
    }
    taken.sort();
    assert_eq!(
        taken,
        [
            "quantity-metering/dry-run.json: 42 planned",
            "quantity-metering/hourly.json: 42 delivered",
            "quantity-metering/one-connection.json: 42 delivered",
        ]
    );
}

/// The function of the file's folder, in a world where the event's hour has 42 calls.
async fn handle(path: &Path, event: Value) -> String {
    let function = path.parent().unwrap().file_name().unwrap();
    assert_eq!(
        function,
        quantity_metering::JOB,
        "events of a function that there is not"
    );
    let scene = Scene::at("2026-11-20T13:30:00Z").await;
    let (metric, customer) = (scene.sum("calls"), scene.customer("Globex"));
    let arn = scene.license("globex", &["api_calls"]);
    scene
        .apply(&connection("sandbox", &metric, &customer, &arn))
        .await;
    scene.usage(&customer, "calls", "2026-11-20T13:10:00Z", "42");
    scene.world.clock.set(crate::scene::at("2026-11-20T14:00:10Z"));
    let event = LambdaEvent::new(event, Context::default());
    let summary = quantity_metering::handle(&Ok(scene.deps.clone()), event)
        .await
        .unwrap();
    let summary = serde_json::to_value(summary).unwrap();
    let record = &summary["connections"][0]["buyers"][0]["records"][0];
    format!(
        "{} {}",
        record["quantity"].as_str().unwrap(),
        record["outcome"].as_str().unwrap()
    )
}
