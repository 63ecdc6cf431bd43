//! Who buys what: three buyers, one of each kind of AWS identity, and usage of three kinds, the quickstart's images among it.

use std::io;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use uuid::Uuid;

use crate::World;
use crate::aws::metering::{Identity, Subscription};
use crate::metronome::{Aggregation, Event, NewMetric, PropertyFilter};
use crate::world::REGION;

const ACCOUNT: &str = "123456789012";
const LICENSE: &str = "arn:aws:license-manager::294406891311:license:l-globex";
const PRODUCT: &str = "prod-sandbox";
const CODE: &str = "sandboxcode";

/// How a metric's usage becomes units of a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// The sum of the month, divided.
    Sum {
        /// By this.
        divide: i64,
    },
    /// The sum of every hour's maximum.
    UnitHours,
}

/// A metric, and the dimension that it becomes.
#[derive(Clone, Debug)]
pub struct Line {
    /// Metronome's metric.
    pub metric: Uuid,
    /// The event type that it counts.
    pub event_type: &'static str,
    /// The property with the number.
    pub property: &'static str,
    /// The marketplace's dimension.
    pub dimension: &'static str,
    /// How it adds up.
    pub counting: Counting,
}

/// A buyer.
#[derive(Clone, Debug)]
pub struct Buyer {
    /// In the connection file.
    pub id: &'static str,
    /// In Metronome.
    pub customer: Uuid,
    /// At the marketplace.
    pub identity: Identity,
}

/// Everybody, and since when.
#[derive(Clone, Debug)]
pub struct Cast {
    /// What is counted.
    pub lines: Vec<Line>,
    /// Who buys.
    pub buyers: Vec<Buyer>,
    /// Since when they buy.
    pub since: DateTime<Utc>,
}

impl Cast {
    /// Makes everybody known to Metronome and the marketplace.
    ///
    /// # Errors
    /// When Metronome refuses.
    pub fn enter(world: &World, since: DateTime<Utc>) -> Result<Self, String> {
        let said = |refusal| format!("{refusal:?}");
        let define = |metric: NewMetric| world.metronome.create_metric(metric).map_err(said);
        let large = PropertyFilter {
            name: "resolution".to_owned(),
            in_values: Some(vec!["1024x1024".to_owned()]),
            ..PropertyFilter::default()
        };
        let images = NewMetric::of("Image generation 1024x1024", Aggregation::Sum, "num_images");
        let calls = NewMetric::of("API calls", Aggregation::Sum, "calls").on("api_calls");
        let seats = NewMetric::of("Seats", Aggregation::Max, "seats").on("seats_taken");
        let line = |metric, event_type, property, dimension, counting| Line {
            metric,
            event_type,
            property,
            dimension,
            counting,
        };
        let lines = vec![
            line(
                define(images.on("image_generation").where_property(large))?,
                "image_generation",
                "num_images",
                "images_1024",
                Counting::Sum { divide: 1 },
            ),
            line(
                define(calls)?,
                "api_calls",
                "calls",
                "thousand_calls",
                Counting::Sum { divide: 1000 },
            ),
            line(
                define(seats)?,
                "seats_taken",
                "seats",
                "seat_hours",
                Counting::UnitHours,
            ),
        ];
        let dimensions: Vec<&str> = lines.iter().map(|line| line.dimension).collect();
        let buyers = [
            ("globex", PRODUCT, Identity::license(ACCOUNT, LICENSE)),
            ("initech", CODE, Identity::account(CODE, ACCOUNT)),
            ("hooli", CODE, Identity::customer(CODE, "AbCdEf12345")),
        ];
        let mut cast = Self {
            lines,
            buyers: Vec::new(),
            since,
        };
        for (id, product, identity) in buyers {
            world.metering.add_product(product, &dimensions);
            world
                .metering
                .subscribe(Subscription::new(product, identity.clone(), since));
            let customer = world
                .metronome
                .create_customer(id, &[&format!("{id}-alias")])
                .map_err(said)?;
            cast.buyers.push(Buyer {
                id,
                customer,
                identity,
            });
        }
        Ok(cast)
    }

    /// The connection file that bills them, against a Metronome at `base_url`.
    #[must_use]
    pub fn connection_file(&self, base_url: &str) -> String {
        let mut file = format!(
            "id = \"sandbox\"\nsecret = \"meterbridge/sandbox\"\nbilling_mode = \"quantity\"\n\n[metronome]\nbase_url = \"{base_url}\"\nrequests_per_second = 50\n"
        );
        for Line {
            metric,
            dimension,
            counting,
            ..
        } in &self.lines
        {
            let how = match counting {
                Counting::Sum { divide } => format!("divide = \"{divide}\""),
                Counting::UnitHours => "accumulate = \"hours\"".to_owned(),
            };
            file.push_str(&format!(
                "\n[[conversion]]\nfrom = \"{metric}\"\nto = \"{dimension}\"\n{how}\n"
            ));
        }
        for Buyer {
            id,
            customer,
            identity,
        } in &self.buyers
        {
            let aws = match identity {
                Identity::License { account, arn } => {
                    format!("product = \"{PRODUCT}\", account_id = \"{account}\", license_arn = \"{arn}\"")
                }
                Identity::Product {
                    code,
                    customer: crate::aws::metering::Customer::Account(account),
                } => {
                    format!("product_code = \"{code}\", account_id = \"{account}\"")
                }
                Identity::Product {
                    code,
                    customer: crate::aws::metering::Customer::Identifier(identifier),
                } => {
                    format!("product_code = \"{code}\", customer_identifier = \"{identifier}\"")
                }
            };
            let since = self.since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            file.push_str(&format!(
                "\n[[buyer]]\nid = \"{id}\"\ncustomer_id = \"{customer}\"\nbill_from = \"start\"\nstarts_at = {since}\naws = {{ {aws}, region = \"{REGION}\" }}\n"
            ));
        }
        file
    }

    /// An hour's usage: every buyer uses everything, each hour another amount, at night nothing but seats.
    ///
    /// # Errors
    /// When Metronome refuses an event.
    pub fn use_hour(&self, world: &World, hour: DateTime<Utc>) -> io::Result<()> {
        for (place, buyer) in self.buyers.iter().enumerate() {
            let step = i64::from(hour.hour()) * 7
                + i64::try_from(place).unwrap_or_default() * 13
                + hour.timestamp() / 86_400;
            let day = (6..23).contains(&hour.hour());
            for line in &self.lines {
                let amount = match line.counting {
                    Counting::UnitHours => 5 + step % 4,
                    Counting::Sum { divide } => (step % 37) * divide + step % 11,
                };
                if day || line.counting == Counting::UnitHours {
                    self.event(world, buyer, line, hour + TimeDelta::minutes(20), amount, "")?;
                }
            }
        }
        Ok(())
    }

    /// Usage of an hour long over.
    ///
    /// # Errors
    /// When Metronome refuses an event.
    pub fn use_late(&self, world: &World, hour: DateTime<Utc>) -> io::Result<()> {
        for (buyer, line) in self.buyers.iter().zip(&self.lines) {
            self.event(world, buyer, line, hour + TimeDelta::minutes(40), 40, "-late")?;
        }
        Ok(())
    }

    fn event(
        &self,
        world: &World,
        buyer: &Buyer,
        line: &Line,
        at: DateTime<Utc>,
        amount: i64,
        mark: &str,
    ) -> io::Result<()> {
        let id = format!("{}-{}-{}{mark}", buyer.id, line.event_type, at.timestamp());
        let event = Event::new(&id, &format!("{}-alias", buyer.id), line.event_type, at)
            .with("resolution", "1024x1024")
            .with("model", "DALL-E 2")
            .with(line.property, amount.to_string());
        world
            .metronome
            .ingest(event)
            .map_err(|refusal| io::Error::other(format!("{refusal:?}")))
    }
}
