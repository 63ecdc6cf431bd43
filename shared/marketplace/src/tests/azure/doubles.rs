//! Microsoft reads and writes a quantity as a double.
#![expect(clippy::disallowed_types, reason = "what a double keeps is asked of doubles")]

use billing::Outcome;
use platform::exact::decimal;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::scripted::*;
use crate::DOUBLE;
use crate::tests::scripted::{only, settled};

/// What comes back of a number's text, in the shortest way that a double can be written.
fn through_a_double(text: &str) -> String {
    text.parse::<f64>().unwrap().to_string()
}

proptest! {
    #[test]
    fn a_double_keeps_every_quantity_that_we_send(millionths in 1..=999_999_999_999_999_i64, places in 0..=6_u32) {
        let quantity = Decimal::new(millionths, places).min(DOUBLE.max).normalize();
        let back = decimal(&through_a_double(&quantity.to_string()));
        prop_assert_eq!(back, Ok(quantity));
    }
}

#[test]
fn a_double_keeps_the_smallest_and_the_largest() {
    let smallest = Decimal::new(1, DOUBLE.places);
    for quantity in [smallest, DOUBLE.max, DOUBLE.max - smallest, Decimal::ONE] {
        assert_eq!(decimal(&through_a_double(&quantity.to_string())), Ok(quantity));
    }
}

#[tokio::test(start_paused = true)]
async fn a_double_written_with_all_its_seventeen_digits_is_still_our_quantity() {
    for (ours, written) in [
        ("0.1", "0.10000000000000001"),
        ("999999999.999999", "999999999.99999905"),
        ("123456789.654321", "123456789.65432100"),
    ] {
        assert_eq!(ours.parse::<f64>(), written.parse::<f64>(), "the same double");
        let accepted = Microsoft::new(move |call| {
            let body = json!({"result": [result(&call.events()[0], "Accepted")]}).to_string();
            Step::Answer(200, None, body.replace(&through_a_double(ours), written))
        });
        let record = || vec![outgoing(&resource(0), "d0", "2026-11-20T13:59:59Z", ours)];
        assert_eq!(only(&accepted.send(record()).await), "A", "{written}");

        let held = Microsoft::new(move |call| {
            let event = &call.events()[0];
            let body = json!({"result": [duplicate(event, event)]}).to_string();
            Step::Answer(200, None, body.replace(&through_a_double(ours), written))
        });
        let sent = held.send(record()).await;
        let entry = settled(&record()[0], &sent.learned[0]).0.unwrap();
        assert_eq!(entry.outcome, Outcome::Delivered, "{written}");
    }
}
