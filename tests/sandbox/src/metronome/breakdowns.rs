//! `GET /v1/customers/{id}/invoices/breakdowns`: invoices cut into hours or days.
//!
//! Every window that has begun, lies wholly in the range and touches the period of an invoice that is not void has a row
//! of it, also one that nothing fell into. Rows show usage as it is now, late events too; what a finalized invoice drew on
//! credits stays what it was. Invoices without a period have none.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::account::Account;
use super::catalog::DEFAULT_LIMIT;
use super::cursor::{Asked, Ranked, Turn};
use super::invoice_reads::{Shown, choice, rank, shown};
use super::invoices::{Invoice, InvoiceStatus};
use super::lines::LineItem;
use super::mischief::{Mischief, Spoiler};
use super::periods::{Period, window_of};
use super::rating::Timeline;
use super::reply::{Answer, Page, Refusal, json};
use super::request::Query;
use super::routes::Operation;

/// What is asked for.
#[derive(Debug)]
struct Wanted<'q> {
    status: Option<InvoiceStatus>,
    credit_type: Option<&'q str>,
    length: Length,
    /// From the first window's start to the last one's end.
    range: Period,
    newest_first: bool,
    skip_zero: bool,
}

/// How long windows are, and the time that one answer may reach over.
#[derive(Clone, Copy, Debug)]
enum Length {
    Hour,
    Day,
}

impl Length {
    const NAMES: [(Self, &'static str); 2] = [(Self::Hour, "HOUR"), (Self::Day, "DAY")];

    fn span(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }

    fn reach(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(24),
            Self::Day => TimeDelta::days(35),
        }
    }
}

impl<'q> Wanted<'q> {
    fn read(query: &'q Query) -> Result<Self, Refusal> {
        let length = choice(query, "window_size", Length::NAMES)?.unwrap_or(Length::Day);
        let required = |name: &str| {
            let time = query.time(name)?;
            time.ok_or_else(|| Refusal::bad(format!("{name} is required")))
        };
        let (from, until) = (required("starting_on")?, required("ending_before")?);
        if until <= from {
            return Err(Refusal::bad("ending_before must be after starting_on"));
        }
        let first = window_of(from, length.span());
        let first = if first < from {
            first + length.span()
        } else {
            first
        };
        let live = [
            (InvoiceStatus::Draft, "DRAFT"),
            (InvoiceStatus::Finalized, "FINALIZED"),
        ];
        Ok(Self {
            status: choice(query, "status", live)?,
            credit_type: query.text("credit_type_id"),
            length,
            range: (first, window_of(until, length.span())),
            newest_first: query.newest_first()?,
            skip_zero: query.flag("skip_zero_qty_line_items")?,
        })
    }

    fn fits(&self, invoice: &Invoice) -> bool {
        let credit_type = invoice.labels.credit_type.id.to_string();
        invoice.status != InvoiceStatus::Void
            && self.status.is_none_or(|status| invoice.status == status)
            && self.credit_type.is_none_or(|wanted| wanted == credit_type)
    }

    /// Whether one answer may hold both rows.
    fn together(&self, first: &Row, row: &Row) -> bool {
        (row.window.0 - first.window.0).abs() < self.length.reach()
    }

    /// The windows of the range that touch one of the periods and have begun, in the order asked for.
    fn windows(&self, periods: impl Iterator<Item = Period> + Clone, now: DateTime<Utc>) -> Vec<Period> {
        let span = self.length.span();
        let start = periods.clone().map(|(start, _)| window_of(start, span)).min();
        let end = periods.map(|(_, end)| end).max();
        let (Some(start), Some(end)) = (start, end) else {
            return Vec::new();
        };
        let (mut start, end) = (start.max(self.range.0), end.min(now));
        let mut windows = Vec::new();
        while start < end && start < self.range.1 {
            windows.push((start, start + span));
            start += span;
        }
        if self.newest_first {
            windows.reverse();
        }
        windows
    }
}

/// Answers one page: at most `limit` rows, of at most 24 hours or 35 days in a row.
pub(super) fn list(
    account: &Account,
    (customer, query): (Uuid, &str),
    now: DateTime<Utc>,
    spoiler: &mut Spoiler,
) -> Result<(Answer, Mischief), Refusal> {
    let known = [
        "limit",
        "next_page",
        "status",
        "skip_zero_qty_line_items",
        "window_size",
        "sort",
        "credit_type_id",
        "starting_on",
        "ending_before",
    ];
    let query = Query::read(query, &known)?;
    let wanted = Wanted::read(&query)?;
    account.customers.get(customer)?;
    let asked = Asked::by(("breakdowns", customer, &wanted));
    let mischief = spoiler.turn(Operation::InvoiceBreakdowns, Some(customer));
    let turn = Turn {
        asked: &asked,
        cursor: query.text("next_page"),
        falling: wanted.newest_first,
        limit: query.limit()?.unwrap_or(DEFAULT_LIMIT),
        repeat: mischief.repeat_pages,
    };
    let rows = rows(account, customer, &wanted, now);
    let (page, next_page) = turn.page(&rows, |first, row| wanted.together(first, row))?;

    let view = account.view(now - mischief.stale_by.unwrap_or_default());
    let mut timelines: HashMap<Uuid, Option<Timeline>> = HashMap::new();
    let mut data: Vec<Shown> = Vec::with_capacity(page.len());
    for (_, row) in page {
        let timeline = timelines
            .entry(row.invoice.id)
            .or_insert_with(|| account.timeline(row.invoice, view));
        let lines = timeline
            .as_ref()
            .map_or_else(Vec::new, |timeline| timeline.lines(row.window));
        if !(wanted.skip_zero && lines.iter().all(LineItem::is_of_nothing)) {
            data.push(shown(
                account,
                row.invoice,
                lines,
                Some(row.window),
                wanted.skip_zero,
            ));
        }
    }
    Ok((json(&Page { data, next_page })?, mischief))
}

/// A window of an invoice.
struct Row<'a> {
    window: Period,
    invoice: &'a Invoice,
}

/// All rows, in the order asked for: by window, and within one as lists of invoices are.
fn rows<'a>(
    account: &'a Account,
    customer: Uuid,
    wanted: &Wanted,
    now: DateTime<Utc>,
) -> Vec<Ranked<Row<'a>, 4>> {
    let fitting = account
        .invoices
        .of(customer)
        .filter(|(_, invoice)| wanted.fits(invoice));
    let mut ranked: Vec<_> = fitting
        .filter_map(|(place, invoice)| Some((rank(place, invoice), invoice.period?, invoice)))
        .collect();
    ranked.sort_unstable_by_key(|(rank, ..)| *rank);
    if wanted.newest_first {
        ranked.reverse();
    }
    let mut rows = Vec::new();
    for window in wanted.windows(ranked.iter().map(|(_, period, _)| *period), now) {
        let start = u64::try_from(window.0.timestamp()).unwrap_or_default();
        for ([date, place], (from, until), invoice) in &ranked {
            if *from < window.1 && window.0 < *until {
                rows.push(([start, *date, *place, 0], Row { window, invoice }));
            }
        }
    }
    rows
}
