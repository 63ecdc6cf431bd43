//! What Microsoft holds, by `GET usageEvents`: a day's sums for each resource, dimension and plan.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{NaiveDate, NaiveTime, SecondsFormat};
use futures::future;
use http::Method;
use platform::{Exact, Fault, FaultKind, retry};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::access::Access;
use super::failed::Failed;
use super::json::{readable, time};
use super::{API_VERSION, Azure, SERVICE, named, refusal};
use crate::words::words;
use crate::{DOUBLE, rest};

/// Days that are read, the oldest first: what is left out is asked for again. A lost answer is read back from one to four days after
/// ([`billing::settle::READ_BACK_MAX`]): that touches five.
const DAYS_MAX: usize = 7;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The SaaS subscription's id, a GUID.
    pub resource_id: String,
    /// The dimension.
    pub dimension: String,
    /// The day, in UTC.
    pub day: NaiveDate,
}

/// What Microsoft holds for a day, all plans together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The quantities that it took, added up: six places, as all that we send has. Microsoft adds doubles, whose sums have
    /// digits of their own further on.
    pub quantity: Decimal,
    /// How many events it took.
    pub count: Decimal,
}

/// A row of the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Row {
    #[serde(deserialize_with = "readable")]
    usage_date: Option<String>,
    #[serde(deserialize_with = "readable")]
    usage_resource_id: Option<String>,
    #[serde(deserialize_with = "readable")]
    dimension: Option<String>,
    #[serde(deserialize_with = "readable")]
    recon_status: Option<String>,
    #[serde(deserialize_with = "readable")]
    submitted_quantity: Option<Exact>,
    #[serde(deserialize_with = "readable")]
    submitted_count: Option<Exact>,
}

impl Azure {
    /// What Microsoft holds of each resource, dimension and day: nothing, where the day was read and shows nothing of it. What
    /// could not be read for certain is left out, with the reason in the faults; so is, without one, what is of the
    /// eighth day or later.
    pub async fn holds(&self, asked: &[Asked]) -> (BTreeMap<Asked, Held>, Vec<Fault>) {
        let (mut found, mut faults) = (BTreeMap::new(), Vec::new());
        let access = match &self.access {
            Ok(access) => access,
            Err(fault) => return (found, vec![fault.clone()]),
        };
        let days: BTreeSet<NaiveDate> = asked.iter().map(|asked| asked.day).collect();
        let days = days.into_iter().take(DAYS_MAX).map(|day| async move {
            let rows = retry::persist(self.deadline, || self.day(access, day)).await;
            (day, rows)
        });
        for (day, rows) in future::join_all(days).await {
            let rows = match rows {
                Ok(rows) => rows,
                Err(failed) => {
                    faults.push(failed.fault);
                    continue;
                }
            };
            for asked in asked.iter().filter(|asked| asked.day == day) {
                match held(asked, &rows) {
                    Ok(held) => {
                        found.insert(asked.clone(), held);
                    }
                    Err(why) => faults.push(untold(asked, &why)),
                }
            }
        }
        faults.dedup();
        (found, faults)
    }

    /// The rows of a day. The days around it may come with them: nobody has told us whether the end is part of what is asked
    /// for, so it is set a day later.
    async fn day(&self, access: &Access, day: NaiveDate) -> Result<Vec<Row>, Failed> {
        self.pace.slot().await;
        let token = access.token().await.map_err(Failed::from)?;
        let next = day.succ_opt().unwrap_or(day);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("usageStartDate", &midnight(day))
            .append_pair("UsageEndDate", &midnight(next))
            .finish();
        let path = format!("/usageEvents?{API_VERSION}&{query}");
        let request = self
            .request(Method::GET, &path, &token, Bytes::new())
            .map_err(Failed::from)?;
        let what = format!("usageEvents of {day}");
        let response = rest::ask(&self.transport, SERVICE, request)
            .await
            .map_err(|error| Failed::unanswered(&what, &error))?;
        match response.status().as_u16() {
            200 => serde_json::from_slice(response.body())
                .map_err(|_| Failed::for_now(&format!("{what}: HTTP 200 without a list of rows"))),
            401 | 403 => {
                let failed = Failed::for_good(FaultKind::Unauthorized, &refusal::token(&response));
                Err(if access.renews(&token).await {
                    failed.renewed()
                } else {
                    failed
                })
            }
            status @ (408 | 429 | 500..) => Err(Failed::after(&response, &format!("{what}: HTTP {status}"))),
            status => Err(Failed::for_good(
                FaultKind::Misconfigured,
                &format!("{what}: HTTP {status}"),
            )),
        }
    }
}

fn midnight(day: NaiveDate) -> String {
    let midnight = day.and_time(NaiveTime::MIN).and_utc();
    midnight.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn untold(asked: &Asked, why: &str) -> Fault {
    let Asked {
        resource_id,
        dimension,
        day,
    } = asked;
    let about = words(&format!("usageEvents of {day}: `{dimension}` of {resource_id}"));
    Fault::new(FaultKind::Incomplete, named(&format!("{about}: {why}")))
}

/// Adds up the rows that are, or may be, of what is asked for.
fn held(asked: &Asked, rows: &[Row]) -> Result<Held, String> {
    let mut held = Held {
        quantity: Decimal::ZERO,
        count: Decimal::ZERO,
    };
    for row in rows.iter().filter(|row| row.may_be_of(asked)) {
        let Some((quantity, count)) = row.taken(asked)? else {
            continue;
        };
        let sums = held
            .quantity
            .checked_add(quantity)
            .zip(held.count.checked_add(count));
        (held.quantity, held.count) = sums.ok_or("its rows add up to more than can be told")?;
    }
    held.quantity = held.quantity.round_dp(DOUBLE.places).normalize();
    Ok(held)
}

impl Row {
    /// Whether nothing that can be read of it is of another resource, dimension or day.
    fn may_be_of(&self, asked: &Asked) -> bool {
        let (resource, dimension) = (self.usage_resource_id.as_ref(), self.dimension.as_ref());
        resource.is_none_or(|told| told.eq_ignore_ascii_case(&asked.resource_id))
            && dimension.is_none_or(|told| *told == asked.dimension)
            && self.day().is_none_or(|told| told == asked.day)
    }

    fn day(&self) -> Option<NaiveDate> {
        time(self.usage_date.as_deref()?).map(|at| at.date_naive())
    }

    /// Quantity and count, where Microsoft has taken them.
    ///
    /// Statuses: API reference, "Metered billing retrieve usage events", read 2026-11-20. What was taken stays taken whether it
    /// is `Submitted`, `Accepted`, or a `Mismatch` with what was processed since. `TestHeaders` and `DryRun` bill nobody. What
    /// is `Rejected` was taken and then thrown out, and Microsoft's support may yet put it back: to send it again could bill
    /// twice, to call it delivered could bill nothing, so a person must judge.
    fn taken(&self, asked: &Asked) -> Result<Option<(Decimal, Decimal)>, String> {
        let whole =
            self.usage_resource_id.is_some() && self.dimension.is_some() && self.day() == Some(asked.day);
        if !whole {
            return Err("a row that may be of it cannot be read".to_owned());
        }
        match self.recon_status.as_deref() {
            Some("TestHeaders" | "DryRun") => Ok(None),
            Some("Submitted" | "Accepted" | "Mismatch") => {
                let numbers = self.submitted_quantity.zip(self.submitted_count);
                let numbers = numbers.map(|(quantity, count)| (quantity.0, count.0));
                numbers
                    .map(Some)
                    .ok_or("a row of it has no numbers that can be read".to_owned())
            }
            Some("Rejected") => {
                Err("Rejected: ask Microsoft's support why, and whether it was billed".to_owned())
            }
            other => Err(format!(
                "a status we do not know: {}",
                words(other.unwrap_or_default())
            )),
        }
    }
}
