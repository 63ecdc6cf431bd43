//! A company that sells two dimensions to any number of buyers, over two products: the stage of the crash, overlap and work
//! proofs.

use std::fmt::Write as _;

use sandbox::aws::metering::{Identity, Stored, Subscription};
use sandbox::world::REGION;

use crate::scene::{ACCOUNT, Scene, at};

/// The company's buyers and metrics, as Metronome knows them.
pub(crate) struct Company {
    /// Customers, in the order of the buyers.
    pub(crate) customers: Vec<String>,
}

/// The event types of the two metrics. Calls are billed one by one, tokens by the three.
const METRICS: [&str; 2] = ["calls", "tokens"];

impl Company {
    /// Founds it in the scene and applies its connection: every third buyer bought the second product.
    pub(crate) async fn in_scene(scene: &Scene, buyers: usize) -> Self {
        let [calls, tokens] = METRICS.map(|name| scene.sum(name));
        let mut customers = Vec::new();
        let mut file = format!(
            r#"
            id = "acme"
            secret = "meterbridge/acme"
            billing_mode = "quantity"

            [metronome]
            base_url = "https://api.metronome.com"

            [[conversion]]
            from = "{calls}"
            to = "api_calls"

            [[conversion]]
            from = "{tokens}"
            to = "token_triples"
            divide = "3"
            "#
        );
        for product in PRODUCTS {
            scene
                .world
                .metering
                .add_product(product, &["api_calls", "token_triples"]);
        }
        for index in 0..buyers {
            let customer = scene.customer(&format!("Buyer {index}"));
            let (product, arn) = (product(index), license(index));
            let identity = Identity::license(ACCOUNT, &arn);
            scene
                .world
                .metering
                .subscribe(Subscription::new(product, identity, at("2026-01-01T00:00:00Z")));
            write!(
                file,
                r#"
                [[buyer]]
                id = "buyer-{index:04}"
                customer_id = "{customer}"
                bill_from = "start"
                starts_at = 2026-11-01T00:00:00Z
                aws = {{ product = "{product}", account_id = "{ACCOUNT}", license_arn = "{arn}", region = "{REGION}" }}
                "#
            )
            .unwrap();
            customers.push(customer);
        }
        scene.apply(&file).await;
        Self { customers }
    }

    /// Usage of both metrics by every buyer, each a little more than the one before it, so that nothing adds up by chance.
    pub(crate) fn uses(&self, scene: &Scene, when: &str) {
        for (index, customer) in self.customers.iter().enumerate() {
            scene.usage(customer, "calls", when, &format!("{}.5", 7 + index));
            scene.usage(customer, "tokens", when, &format!("{}", 100 + index));
        }
    }
}

impl Scene {
    /// The clock comes to half a minute past this hour, if it is not later.
    pub(crate) fn comes(&self, hour: &str) {
        let at = at(hour) + chrono::TimeDelta::seconds(30);
        if self.world.clock.now() < at {
            self.world.clock.set(at);
        }
    }
}

/// What the company sells at the marketplace.
pub(crate) const PRODUCTS: [&str; 2] = ["prod-1", "prod-2"];

fn product(buyer: usize) -> &'static str {
    PRODUCTS[usize::from(buyer % 3 == 2)]
}

/// The licence of a buyer of the company's, in whose name its product stands.
fn license(buyer: usize) -> String {
    format!(
        "arn:aws:license-manager::{ACCOUNT}:license:l-{}-{buyer:04}",
        product(buyer)
    )
}

/// The product whose licence a record was billed under.
pub(crate) fn product_of(stored: &Stored) -> &'static str {
    let Identity::License { arn, .. } = &stored.identity else {
        panic!("the company sells licences");
    };
    PRODUCTS
        .into_iter()
        .find(|product| arn.contains(product))
        .unwrap()
}
