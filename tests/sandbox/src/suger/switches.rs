//! What Suger's documents leave open, and what goes wrong at times.

use std::num::NonZeroUsize;

use chrono::TimeDelta;

/// How usage of a dimension that the entitlement does not have is answered. `INVALID` is a status of the documents, and
/// none of them says what leads to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownDimension {
    /// HTTP 400; nothing is stored.
    #[default]
    Refused,
    /// HTTP 200; the group is stored as `INVALID`, and never billed.
    Invalid,
}

/// What becomes of a batch with a group that breaks a rule. The answer of a batch has no place for an error of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadGroup {
    /// It refuses the batch: the group's error is the answer, and nothing is stored.
    #[default]
    RefusesAll,
    /// The group's error is the answer, and the groups before it are stored.
    StopsThere,
    /// The others are stored, and it alone is missing in the answer.
    LeftOut,
}

/// The `nextOffset` of a list's last page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastPage {
    /// There is none.
    #[default]
    Absent,
    /// It is 0.
    Zero,
    /// It points past the end; the page there is empty.
    Onward,
}

/// The choices. The default is strict, and spoils nothing.
#[derive(Clone, Debug)]
pub struct Switches {
    /// Paths begin with `/v1`, as some catalogs of APIs list them; Suger's own documents have none.
    pub prefix: bool,
    /// How an unknown dimension is answered.
    pub unknown_dimension: UnknownDimension,
    /// What a bad group does to its batch.
    pub bad_group: BadGroup,
    /// Whether a batch's groups are stored under an `id` of the request. The documents give a group of a batch none, so at
    /// first it is not looked at: a batch sent again is counted again.
    pub batch_ids: bool,
    /// The most groups of one batch; more are refused with 400. The documents have no bound.
    pub batch_limit: usize,
    /// Whether the other rules are judged before the id is looked up, so that a group which was taken is answered 400 when it is
    /// sent again after its entitlement has ended. At first the id comes first, and the answer is 409.
    pub rules_before_id: bool,
    /// How old a timestamp may be. At first there is no bound, as in the documents; what is too old is refused with 400.
    pub oldest: Option<TimeDelta>,
    /// The end of a list.
    pub last_page: LastPage,
    /// How long a group is in before lists show it.
    pub list_delay: TimeDelta,
    /// So many of the next requests are answered 429.
    pub too_many_requests: u32,
    /// The seconds that a 429 says to wait; none: it does not say.
    pub retry_after: Option<u32>,
    /// Batches' answers and lists' pages come in the reverse order.
    pub out_of_order: bool,
    /// Every so many groups of a batch, one is stored but missing in the answer: with 2, the second, the fourth, and so on.
    pub missing_every: Option<NonZeroUsize>,
    /// Groups are shown with a status that no document has.
    pub unknown_status: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            prefix: false,
            unknown_dimension: UnknownDimension::default(),
            bad_group: BadGroup::default(),
            batch_ids: false,
            batch_limit: 100,
            rules_before_id: false,
            oldest: None,
            last_page: LastPage::default(),
            list_delay: TimeDelta::zero(),
            too_many_requests: 0,
            retry_after: None,
            out_of_order: false,
            missing_every: None,
            unknown_status: false,
        }
    }
}

impl Switches {
    /// What is left of a batch's answer, in its order.
    pub(super) fn spoil_batch<T>(&self, groups: Vec<T>) -> Vec<T> {
        let missing = |place: usize| {
            self.missing_every
                .is_some_and(|every| (place + 1).is_multiple_of(every.get()))
        };
        let kept = groups
            .into_iter()
            .enumerate()
            .filter(|(place, _)| !missing(*place))
            .map(|(_, group)| group);
        self.order(kept.collect())
    }

    /// An answer's array, in its order.
    pub(super) fn order<T>(&self, mut items: Vec<T>) -> Vec<T> {
        if self.out_of_order {
            items.reverse();
        }
        items
    }
}
