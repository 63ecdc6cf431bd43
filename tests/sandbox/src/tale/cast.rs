//! Who buys what, in three connections, one of each billing mode: by quantity at all four marketplaces, by the hour's amounts at AWS
//! and Suger, by the day's at Azure and Google; and usage of three kinds, the quickstart's images among it.

use std::io;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use uuid::Uuid;

use super::seat::{self, Seat};
use crate::World;
use crate::aws::metering::Identity;
use crate::metronome::{Aggregation, Event, NewContract, NewMetric, PropertyFilter};

const ACCOUNT: &str = "123456789012";
const CODE: &str = seat::CODE;

/// The dimension of the amount modes: the sandbox sells cents.
pub const CENTS: &str = "cents";

/// A billing mode; each has a connection of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `quantity`.
    Quantity,
    /// `amount_hourly`.
    AmountHourly,
    /// `amount_daily`.
    AmountDaily,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Quantity, Self::AmountHourly, Self::AmountDaily];

    /// The word in connection files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Quantity => "quantity",
            Self::AmountHourly => "amount_hourly",
            Self::AmountDaily => "amount_daily",
        }
    }

    /// Its connection.
    #[must_use]
    pub fn connection(self) -> &'static str {
        match self {
            Self::Quantity => "sandbox",
            Self::AmountHourly => "sandbox-hourly",
            Self::AmountDaily => "sandbox-daily",
        }
    }
}

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
    /// How it is billed.
    pub mode: Mode,
    /// In Metronome.
    pub customer: Uuid,
    /// At the marketplace.
    pub seat: Seat,
}

impl Buyer {
    /// The dimensions that it buys.
    pub fn dimensions(&self, lines: &[Line]) -> Vec<&'static str> {
        match self.mode {
            Mode::Quantity => lines.iter().map(|line| line.dimension).collect(),
            Mode::AmountHourly | Mode::AmountDaily => vec![CENTS],
        }
    }
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
        let mut cast = Self {
            lines,
            buyers: Vec::new(),
            since,
        };
        for (id, mode, seat) in buyers()? {
            let customer = world
                .metronome
                .create_customer(id, &[&format!("{id}-alias")])
                .map_err(said)?;
            let buyer = Buyer {
                id,
                mode,
                customer,
                seat,
            };
            buyer.seat.take(world, since, &buyer.dimensions(&cast.lines));
            if mode != Mode::Quantity {
                cast.rate(world, customer)?;
            }
            cast.buyers.push(buyer);
        }
        Ok(cast)
    }

    /// Every dimension that is sold.
    #[must_use]
    pub fn dimensions(&self) -> Vec<&'static str> {
        self.lines
            .iter()
            .map(|line| line.dimension)
            .chain([CENTS])
            .collect()
    }

    /// A contract that charges 25 cents an image and a hundredth of a cent a call.
    fn rate(&self, world: &World, customer: Uuid) -> Result<(), String> {
        let mut contract = NewContract::new(customer, self.since);
        for line in &self.lines {
            if let Counting::Sum { divide } = line.counting {
                let price = if divide == 1 {
                    bigdecimal::BigDecimal::from(25)
                } else {
                    bigdecimal::BigDecimal::new(1.into(), 2)
                };
                contract = contract.charging(line.metric, price);
            }
        }
        let made = world.metronome.create_contract(contract);
        made.map(drop).map_err(|refusal| format!("{refusal:?}"))
    }

    /// The connection file of a mode: its head, and who buys in it.
    #[must_use]
    pub fn connection_file(&self, mode: Mode, head: &str) -> String {
        let mut file = format!(
            "id = \"{}\"\nsecret = \"meterbridge/sandbox\"\nbilling_mode = \"{}\"\n\n{head}",
            mode.connection(),
            mode.word()
        );
        for line in self.lines.iter().filter(|_| mode == Mode::Quantity) {
            let how = match line.counting {
                Counting::Sum { divide } => format!("divide = \"{divide}\""),
                Counting::UnitHours => "accumulate = \"hours\"".to_owned(),
            };
            file.push_str(&format!(
                "\n[[conversion]]\nfrom = \"{}\"\nto = \"{}\"\n{how}\n",
                line.metric, line.dimension
            ));
        }
        if mode != Mode::Quantity {
            file.push_str(&format!(
                "\n[[conversion]]\nfrom = \"metronome\"\nto = \"{CENTS}\"\nmultiply = \"100\"\n"
            ));
        }
        let since = self.since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        for buyer in self.buyers.iter().filter(|buyer| buyer.mode == mode) {
            file.push_str(&format!(
                "\n[[buyer]]\nid = \"{}\"\ncustomer_id = \"{}\"\nbill_from = \"start\"\nstarts_at = {since}\n{}\n",
                buyer.id,
                buyer.customer,
                buyer.seat.line()
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

/// Everybody, with where they buy: AWS in each of its three forms.
fn buyers() -> Result<Vec<(&'static str, Mode, Seat)>, String> {
    let resource = |text: &str| text.parse().map_err(|error: uuid::Error| error.to_string());
    let license = |name: &str| {
        let arn = format!("arn:aws:license-manager::294406891311:license:{name}");
        Seat::Aws(Identity::license(ACCOUNT, &arn))
    };
    Ok(vec![
        ("globex", Mode::Quantity, license("l-globex")),
        (
            "initech",
            Mode::Quantity,
            Seat::Aws(Identity::account(CODE, ACCOUNT)),
        ),
        (
            "hooli",
            Mode::Quantity,
            Seat::Aws(Identity::customer(CODE, "AbCdEf12345")),
        ),
        (
            "tyrell",
            Mode::Quantity,
            Seat::Azure(resource("7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0001")?),
        ),
        ("umbrella", Mode::Quantity, Seat::Gcp("project_number:1001")),
        ("soylent", Mode::Quantity, Seat::Suger("ent-soylent")),
        ("wonka", Mode::AmountHourly, license("l-wonka")),
        ("acme-corp", Mode::AmountHourly, Seat::Suger("ent-acme")),
        (
            "cyberdyne",
            Mode::AmountDaily,
            Seat::Azure(resource("7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0002")?),
        ),
        ("oscorp", Mode::AmountDaily, Seat::Gcp("project_number:1002")),
    ])
}
