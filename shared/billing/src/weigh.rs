//! What a marketplace's sum says of the records that went into it.

use rust_decimal::Decimal;

use crate::settle::Found;

/// More records of one day in doubt than this are a person's: each doubles the sums that they may come to.
const DOUBTS_MAX: usize = 12;

/// Judges records whose answers were lost by the sum that the marketplace holds of their day. `known` is what it is known to hold,
/// `lost` the records to judge, `others` records of that day of which a person must judge already: they may be in it or not. A
/// record is taken if every way to come to the sum has it, and not taken if none has.
#[must_use]
pub fn weigh(held: Decimal, known: Decimal, lost: &[Decimal], others: &[Decimal]) -> Vec<Found> {
    let doubts: Vec<Decimal> = lost.iter().chain(others).copied().collect();
    let wanted = held.checked_sub(known);
    let ways: Vec<u32> = match wanted {
        Some(wanted) if doubts.len() <= DOUBTS_MAX => (0..1_u32 << doubts.len())
            .filter(|way| sum(&doubts, *way) == wanted)
            .collect(),
        _ => Vec::new(),
    };
    let judge = |index: usize| {
        let holds = |way: &u32| way & (1 << index) != 0;
        match (ways.iter().any(holds), ways.iter().all(holds)) {
            (true, true) => Found::Taken,
            (false, _) if !ways.is_empty() => Found::NotTaken,
            _ => Found::Otherwise(format!(
                "the marketplace holds {} for the day, of which {} is accounted for: it cannot be told whether this is in it",
                held.normalize(),
                known.normalize()
            )),
        }
    };
    (0..lost.len()).map(judge).collect()
}

fn sum(doubts: &[Decimal], way: u32) -> Decimal {
    let taken = doubts
        .iter()
        .enumerate()
        .filter(|(index, _)| way & (1 << index) != 0);
    taken.map(|(_, quantity)| quantity).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn weighed(held: &str, known: &str, lost: &[&str], others: &[&str]) -> String {
        let decs = |texts: &[&str]| texts.iter().map(|text| dec(text)).collect::<Vec<_>>();
        let found = weigh(dec(held), dec(known), &decs(lost), &decs(others));
        let letter = |found: &Found| match found {
            Found::Taken => 'T',
            Found::NotTaken => 'N',
            Found::Otherwise(_) => 'O',
        };
        found.iter().map(letter).collect()
    }

    #[test]
    fn one_record_is_in_the_sum_or_is_not() {
        assert_eq!(weighed("12.5", "10", &["2.5"], &[]), "T");
        assert_eq!(weighed("10", "10", &["2.5"], &[]), "N");
        assert_eq!(
            weighed("11", "10", &["2.5"], &[]),
            "O",
            "somebody else's is in it"
        );
        assert_eq!(weighed("9", "10", &["2.5"], &[]), "O");
    }

    #[test]
    fn several_are_told_apart_where_the_sum_can_be_come_to_in_one_way() {
        assert_eq!(weighed("13", "10", &["1", "3", "5"], &[]), "NTN");
        assert_eq!(weighed("10", "10", &["1", "3"], &[]), "NN");
        assert_eq!(weighed("14", "10", &["1", "3", "4"], &[]), "OOO", "1 and 3, or 4");
        assert_eq!(weighed("15", "10", &["5", "5"], &[]), "OO");
        assert_eq!(weighed("20", "10", &["5", "5"], &[]), "TT");
    }

    #[test]
    fn what_a_person_must_judge_may_be_in_it_or_not() {
        assert_eq!(weighed("12", "10", &["2"], &["7"]), "T");
        assert_eq!(weighed("12", "10", &["2"], &["2"]), "O");
        assert_eq!(weighed("19", "10", &["2"], &["7"]), "T");
    }

    #[test]
    fn too_many_doubts_are_a_persons() {
        assert_eq!(weighed("1", "0", &["1"; 13], &[]), "O".repeat(13));
    }
}
