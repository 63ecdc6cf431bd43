//! The parts of periods and amounts that are not billed: where a metric is billed as one value for the period (`accumulate =
//! "period"`) and from an hour within the month, and where invoices are billed from an hour within their periods, what Metronome
//! has counted until then is asked once, at `apply`, and shown there.

use std::collections::{BTreeMap, BTreeSet};

use billing::{Group, Hour, Share};
use metering::Deps;
use metronome::{Client, GroupedQuery, MetricFilter, Metrics, UsageQuery, Window};
use platform::connection::{Accumulate, BillingMode, Buyer, Opening};
use platform::{Connection, Deadline, Fault, FaultKind, secrets};
use rust_decimal::Decimal;

/// What is asked of Metronome at an apply is asked within this time.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// A part that must be known before the connection can be stored.
type Wanted = (String, String, Group, Hour);

/// Asks for the parts that this apply fixes. Those of earlier applies stay as they are.
///
/// # Errors
/// When Metronome or the secret cannot be read: what would be billed from is then not known. In the amount modes, where Metronome
/// itself bills a contract of a buyer to a marketplace.
pub async fn fix(deps: &Deps, connection: &mut Connection) -> Result<(), Fault> {
    if connection.billing_mode.is_some_and(BillingMode::is_amount) {
        return amounts(deps, connection).await;
    }
    let wanted = wanted(connection);
    if wanted.is_empty() {
        return Ok(());
    }
    let client = client(deps, connection).await?;
    for (customer, metric, group, since) in wanted {
        let value = counted(&client, &customer, &metric, &group, since)
            .await
            .map_err(Fault::from)?;
        connection.openings.push(Opening {
            customer,
            metric,
            group,
            since,
            value,
        });
    }
    Ok(())
}

async fn client(deps: &Deps, connection: &Connection) -> Result<Client, Fault> {
    let secret = secrets::read(&deps.secrets, &connection.secret).await?;
    let token = secret.metronome_token.ok_or_else(|| {
        let words = format!("the secret `{}` has no `metronome_token`", connection.secret);
        Fault::new(FaultKind::Misconfigured, words)
    })?;
    let account = &connection.metronome;
    Client::new(
        deps.transport.clone(),
        &account.base_url,
        token,
        account.requests_per_second,
        Deadline::after(PATIENCE),
    )
}

/// Fixes what of each buyer's invoices lies before the hour from which they are billed, where that is known yet; and sees that
/// Metronome bills none of them to a marketplace itself.
async fn amounts(deps: &Deps, connection: &mut Connection) -> Result<(), Fault> {
    let next = Hour::ceil(connection.applied_at);
    let client = client(deps, connection).await?;
    let mut openings = Vec::new();
    for buyer in &connection.buyers {
        let shares = unfixed(connection, buyer, next);
        let parts = metering::parts_before(&client, &shares, connection.scheduled, next)
            .await
            .map_err(|fault| fault.of(format!("buyer {}", buyer.id)))?;
        for (share, value) in parts {
            let since = shares.get(&share).copied().flatten();
            openings.extend(since.map(|since| Opening {
                metric: share.counter("").metric,
                customer: share.customer,
                group: Group::new(),
                since,
                value,
            }));
        }
    }
    connection.openings.extend(openings);
    Ok(())
}

/// A buyer's shares, each with the hour before which something is to be fixed now, if there is one.
fn unfixed(connection: &Connection, buyer: &Buyer, next: Hour) -> BTreeMap<Share, Option<Hour>> {
    let spans = (0..buyer.entitlements.len()).filter_map(|index| buyer.hours(index));
    let current = spans
        .into_iter()
        .find(|(_, until)| until.is_none_or(|until| until > next));
    let shares = buyer.shares().into_iter();
    shares
        .map(|(share, since)| {
            let begins = current.map(|(from, _)| from.max(connection.mode_since.max(since).unwrap_or(from)));
            let metric = share.counter("").metric;
            let unknown = begins.filter(|begins| {
                *begins <= next
                    && connection
                        .opening(&share.customer, &metric, &Group::new(), *begins)
                        .is_none()
            });
            (share, unknown)
        })
        .collect()
}

/// The parts that are fixed by this apply: of every customer and period metric that begin at the next hour.
fn wanted(connection: &Connection) -> BTreeSet<Wanted> {
    let next = Hour::ceil(connection.applied_at);
    let periods = connection
        .conversions
        .iter()
        .filter(|one| one.accumulate == Some(Accumulate::Period));
    let mut wanted = BTreeSet::new();
    for conversion in periods {
        let Some(listed) = connection.whitelist.admits(&conversion.from) else {
            continue;
        };
        for customer in connection.buyers.iter().flat_map(|buyer| &buyer.customers) {
            let begins = customer.since.max(listed).is_some_and(|since| since == next);
            let known = connection
                .opening(&customer.id, &conversion.from, &conversion.group, next)
                .is_some();
            if begins && !known && next != next.month().first() {
                wanted.insert((
                    customer.id.clone(),
                    conversion.from.clone(),
                    conversion.group.clone(),
                    next,
                ));
            }
        }
    }
    wanted
}

/// What Metronome has counted of the month of `since`, until now.
async fn counted(
    client: &Client,
    customer: &str,
    metric: &str,
    group: &Group,
    since: Hour,
) -> Result<Decimal, metronome::Error> {
    let (from, until) = (since.month().first().date(), since.next_midnight().date());
    if group.len() > 1 {
        let query = GroupedQuery {
            customer_id: customer.to_owned(),
            billable_metric_id: metric.to_owned(),
            from,
            until,
            window: Window::None,
            group_key: group.keys().cloned().collect(),
            filters: group
                .iter()
                .map(|(key, value)| (key.clone(), vec![value.clone()]))
                .collect(),
        };
        let rows = client.usage_groups(&query).await?;
        return Ok(rows.iter().find_map(|row| row.value).unwrap_or_default());
    }
    let one = group.first_key_value();
    let filter = MetricFilter {
        id: metric.to_owned(),
        group: one.map(|(key, value)| metronome::Group {
            key: key.clone(),
            values: Some(vec![value.clone()]),
        }),
    };
    let query = UsageQuery {
        from,
        until,
        window: Window::None,
        customers: vec![customer.to_owned()],
        metrics: Metrics::Only(vec![filter]),
    };
    let rows = client.usage(&query).await?;
    let value = rows.iter().find_map(|row| match (one, &row.groups) {
        (None, _) => row.value,
        (Some((_, value)), groups) => groups
            .as_ref()
            .and_then(|groups| groups.get(value).copied().flatten()),
    });
    Ok(value.unwrap_or_default())
}
