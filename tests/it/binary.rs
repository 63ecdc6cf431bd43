//! The function's real binary, killed where it stands.

use sandbox::faults::{Fault, Rule, When};
use sandbox::lambda::Outcome;
use sandbox::tale::{self, Length};

/// A day of usage and three runs: the second is the one that is killed.
const LENGTH: Length = Length { days: 1, hours: 3 };

/// Kills, spread over the requests of the second run, each before or after its effect.
const POINTS: u64 = 20;

#[tokio::test]
async fn killed_at_twenty_of_its_requests_the_next_run_bills_exactly_what_was_used() {
    let (stage, cast, source) = tale::prepare(LENGTH).await.unwrap();
    let quiet = |_, _: &_| Ok(None);
    let told = tale::play(&stage, &cast, &source, LENGTH, quiet).await.unwrap();
    assert!(told.ledger.holds(), "undisturbed: {:?}", told.ledger.laws);
    let requests = told.played[1].requests;
    assert!(requests >= POINTS, "the second run made {requests} requests");

    println!("killing the binary at {POINTS} of {requests} requests");
    for point in 0..POINTS {
        let (request, after) = (1 + point * requests / POINTS, point % 2 == 1);
        let (stage, cast, source) = tale::prepare(LENGTH).await.unwrap();
        let strike = |turn, function: &_| {
            if turn == 1 {
                let kill = tale::kill(function);
                let fault = if after {
                    Fault::StrikeAfter(kill)
                } else {
                    Fault::StrikeBefore(kill)
                };
                stage
                    .world
                    .faults
                    .add(Rule::new("kill", When::Nth(request), fault));
            }
            Ok(None)
        };
        let told = tale::play(&stage, &cast, &source, LENGTH, strike).await.unwrap();
        let where_ = format!(
            "killed at request {request}, {} its effect",
            if after { "after" } else { "before" }
        );
        assert!(
            matches!(told.played[1].outcome, Outcome::Crashed(_)),
            "{where_}: {:?}",
            told.played[1].outcome
        );
        assert!(
            matches!(told.played[2].outcome, Outcome::Response(_)),
            "{where_}: {:?}",
            told.played[2].outcome
        );
        assert!(
            told.ledger.holds(),
            "{where_}: {:?} {}",
            told.ledger.laws,
            told.ledger.json()
        );
    }
}
