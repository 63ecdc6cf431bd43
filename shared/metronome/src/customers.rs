//! Customers: `GET /v1/customers` and `GET /v1/customers/{id}`.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::call::{Call, check_id};
use crate::pages::{PAGE_SIZE, Room};
use crate::{CUSTOMERS_MAX, Client, Error};

const PATH: &str = "/v1/customers";

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Metronome's id, a UUID.
    pub id: String,
    /// The name shown in Metronome.
    pub name: String,
    /// Names under which its events may come instead of the id.
    pub ingest_aliases: Vec<String>,
    /// When it was archived, if it was; that is final.
    pub archived_at: Option<DateTime<Utc>>,
}

/// What became of the customers asked for by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customers {
    /// Those that there are, the archived ones among them.
    pub found: Vec<Customer>,
    /// Ids that Metronome holds neither among the active nor among the archived customers of this token's environment.
    pub missing: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct CustomerDetail {
    id: String,
    name: String,
    #[serde(default)]
    ingest_aliases: Vec<String>,
    archived_at: Option<DateTime<Utc>>,
}

impl From<CustomerDetail> for Customer {
    fn from(detail: CustomerDetail) -> Self {
        Self {
            id: detail.id,
            name: detail.name,
            ingest_aliases: detail.ingest_aliases,
            archived_at: detail.archived_at,
        }
    }
}

impl Client {
    /// The customers with these ids. The list shows active ones only, so those that it leaves out are asked for among the
    /// archived. One request a hundred ids, one more for a hundred in which any was left out.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no id; else as the call goes.
    pub async fn customers(&self, ids: &[String]) -> Result<Customers, Error> {
        let wanted = distinct(ids)?;
        let room = Room::for_one_read();
        let mut customers = Customers::default();
        for ids in wanted.chunks(CUSTOMERS_MAX) {
            let active: Vec<Customer> = self.pages::<CustomerDetail, _>(&listing(ids), &room).await?;
            let others = left_out(ids, &active);
            customers.found.extend(active);
            if others.is_empty() {
                continue;
            }
            let call = listing(&others).with("only_archived", "true");
            let archived: Vec<Customer> = self.pages::<CustomerDetail, _>(&call, &room).await?;
            customers.missing.extend(left_out(&others, &archived));
            customers.found.extend(archived);
        }
        Ok(customers)
    }

    /// Every active customer.
    ///
    /// # Errors
    /// As the call goes.
    pub async fn all_customers(&self) -> Result<Vec<Customer>, Error> {
        let call = Call::get(PATH).with("limit", PAGE_SIZE);
        self.pages::<CustomerDetail, _>(&call, &Room::for_one_read())
            .await
    }

    /// One customer, archived or not.
    ///
    /// # Errors
    /// [`Error::Refused`] with status 404 where there is none; else as the call goes.
    pub async fn customer(&self, id: &str) -> Result<Customer, Error> {
        check_id("customer", id)?;
        let call = Call::get(format!("{PATH}/{id}")).about("customer", &[id.to_owned()]);
        Ok(self.one::<CustomerDetail>(&call).await?.into())
    }
}

/// Each id once, so that no customer is asked for twice.
pub(crate) fn distinct(ids: &[String]) -> Result<Vec<String>, Error> {
    ids.iter().try_for_each(|id| check_id("customer", id))?;
    Ok(ids.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect())
}

fn listing(ids: &[String]) -> Call {
    Call::get(PATH)
        .with("limit", PAGE_SIZE)
        .with("customer_ids", ids.join(","))
        .about("customers", ids)
}

fn left_out(ids: &[String], listed: &[Customer]) -> Vec<String> {
    let listed: BTreeSet<&str> = listed.iter().map(|customer| customer.id.as_str()).collect();
    ids.iter()
        .filter(|id| !listed.contains(id.as_str()))
        .cloned()
        .collect()
}
