//! Every file in `events/` is an event that its function takes.

use std::path::Path;

use lambda_runtime::{Context, LambdaEvent};
use sandbox::metronome::NewContract;
use serde_json::Value;

use crate::scene::{Scene, at};
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
            "invoice-metering/daily.json: 42 delivered",
            "invoice-metering/dry-run.json: 42 planned",
            "invoice-metering/hourly.json: 42 delivered",
            "invoice-metering/one-connection.json: 42 delivered",
            "quantity-metering/dry-run.json: 42 planned",
            "quantity-metering/hourly.json: 42 delivered",
            "quantity-metering/one-connection.json: 42 delivered",
        ]
    );
}

/// The function of the file's folder, in a world where the event's hour has 42 calls.
async fn handle(path: &Path, event: Value) -> String {
    let function = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let scene = Scene::at("2026-11-20T13:30:00Z").await;
    let (metric, customer) = (scene.sum("calls"), scene.customer("Globex"));
    let arn = scene.license("globex", &["api_calls"]);
    let named = event["detail"]["connection"]
        .as_str()
        .unwrap_or("sandbox")
        .to_owned();
    let file = connection(&named, &metric, &customer, &arn);
    let amounts = |mode: &str| {
        let rated = NewContract::new(customer.parse().unwrap(), at("2026-11-01T00:00:00Z"));
        let rated = rated.charging(metric.parse().unwrap(), 100);
        scene.world.metronome.create_contract(rated).unwrap();
        file.replace("\"quantity\"", &format!("\"{mode}\""))
            .replace(&format!("from = \"{metric}\""), "from = \"metronome\"")
    };
    // The hour that the event's time ends has 42 calls, at a dollar each.
    let time = at(event["time"].as_str().unwrap());
    let daily = event["detail"]["cadence"] == "daily";
    let file = match function {
        "invoice-metering" if daily => amounts("amount_daily"),
        "invoice-metering" => amounts("amount_hourly"),
        _ => file.clone(),
    };
    scene.world.clock.set(time - chrono::TimeDelta::minutes(30));
    scene.apply(&file).await;
    let used = (time - chrono::TimeDelta::minutes(50)).to_rfc3339();
    scene.usage(&customer, "calls", &used, "42");
    scene.world.clock.set(time + chrono::TimeDelta::seconds(10));
    let (deps, event) = (
        Ok(scene.deps.clone()),
        LambdaEvent::new(event, Context::default()),
    );
    let summary = match function {
        quantity_metering::JOB => quantity_metering::handle(&deps, event).await,
        invoice_metering::JOB => invoice_metering::handle(&deps, event).await,
        other => panic!("events of a function that there is not: {other}"),
    };
    let summary = summary.unwrap();
    let summary = serde_json::to_value(summary).unwrap();
    let record = &summary["connections"][0]["buyers"][0]["records"][0];
    format!(
        "{} {}",
        record["quantity"].as_str().unwrap(),
        record["outcome"].as_str().unwrap()
    )
}
