//! Things that belong to a customer: found by their id, and by whose they are.

use std::collections::HashMap;

use uuid::Uuid;

use super::reply::Refusal;

/// A thing of a customer's.
pub(super) trait Owned {
    /// What a refusal calls it.
    const KIND: &'static str;

    fn id(&self) -> Uuid;

    fn customer(&self) -> Uuid;
}

/// All things of one kind, in the order they were made. None is ever removed.
pub(super) struct OfCustomers<T> {
    all: Vec<T>,
    by_id: HashMap<Uuid, usize>,
    by_customer: HashMap<Uuid, Vec<usize>>,
}

impl<T> Default for OfCustomers<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            by_id: HashMap::new(),
            by_customer: HashMap::new(),
        }
    }
}

impl<T: Owned> OfCustomers<T> {
    pub(super) fn push(&mut self, thing: T) {
        let place = self.all.len();
        self.by_id.insert(thing.id(), place);
        self.by_customer.entry(thing.customer()).or_default().push(place);
        self.all.push(thing);
    }

    pub(super) fn all(&self) -> &[T] {
        &self.all
    }

    pub(super) fn all_mut(&mut self) -> &mut [T] {
        &mut self.all
    }

    /// Where a thing stands among all.
    pub(super) fn place(&self, id: Uuid) -> Result<usize, Refusal> {
        self.by_id.get(&id).copied().ok_or_else(|| Self::unknown(id))
    }

    pub(super) fn get(&self, id: Uuid) -> Result<&T, Refusal> {
        let place = self.place(id)?;
        self.all.get(place).ok_or_else(|| Self::unknown(id))
    }

    pub(super) fn get_mut(&mut self, id: Uuid) -> Result<&mut T, Refusal> {
        let place = self.place(id)?;
        self.all.get_mut(place).ok_or_else(|| Self::unknown(id))
    }

    /// A thing of this customer's, and of no other's.
    pub(super) fn get_of(&self, customer: Uuid, id: Uuid) -> Result<&T, Refusal> {
        self.get(id)
            .ok()
            .filter(|thing| thing.customer() == customer)
            .ok_or_else(|| Self::unknown(id))
    }

    /// A customer's things, each with its place among all.
    pub(super) fn of(&self, customer: Uuid) -> impl Iterator<Item = (usize, &T)> {
        let places = self.by_customer.get(&customer).into_iter().flatten();
        places.filter_map(|place| Some((*place, self.all.get(*place)?)))
    }

    fn unknown(id: Uuid) -> Refusal {
        Refusal::not_found(format!("{} {id} not found", T::KIND))
    }
}
