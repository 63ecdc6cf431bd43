//! Batches: what is stored and answered of them, whole and broken.

use super::*;

#[test]
fn a_batch_is_an_array_and_so_is_its_answer() {
    let world = World::new();
    let other = with(item(2), "entitlementID", json!("ent-2"));
    let answer = world.batch(&[item(1), other]).unwrap();
    assert_eq!(calls(&answer), [1, 2]);
    assert_eq!(answer[0]["organizationID"], "acme");
    assert_eq!(answer[1]["entitlementID"], "ent-2");
    assert_ne!(answer[0]["id"], answer[1]["id"]);
    assert_eq!(world.total(), number("1"));
    assert_eq!(world.suger.total("acme", "ent-2", "api_calls"), number("2"));
}

#[test]
fn a_batch_that_is_sent_again_counts_again_for_its_groups_have_no_id() {
    let world = World::new();
    let group = with(item(1), "id", json!(ID));
    let first = world.batch(std::slice::from_ref(&group)).unwrap();
    assert_ne!(first[0]["id"], ID);
    world.batch(&[group]).unwrap();
    assert_eq!(world.total(), number("2"));
    assert_eq!(world.suger.duplicates(), [] as [&str; 0]);
}

#[test]
fn by_a_switch_a_batch_has_ids_and_one_that_is_taken_refuses_it() {
    let world = World::new();
    world.suger.switch(|switches| switches.batch_ids = true);
    let first = with(item(1), "id", json!(ID));
    let second = with(item(2), "id", json!(OTHER_ID));
    let answer = world.batch(std::slice::from_ref(&first)).unwrap();
    assert_eq!(answer[0]["id"], ID);
    assert_eq!(world.batch(&[second.clone(), first]), Err(409));
    assert_eq!(world.batch(&[second.clone(), second.clone()]), Err(409));
    assert_eq!(world.total(), number("1"));
    assert_eq!(world.suger.duplicates(), [ID, OTHER_ID]);
    assert!(world.batch(&[second]).is_ok());
}

fn bad() -> [Value; 3] {
    [item(1), item(-2), item(4)]
}

#[test]
fn a_bad_group_refuses_its_batch() {
    let world = World::new();
    assert_eq!(world.batch(&bad()), Err(400));
    assert_eq!(world.suger.groups().len(), 0);
}

#[test]
fn by_a_switch_the_groups_before_a_bad_one_stay() {
    let world = World::new();
    world
        .suger
        .switch(|switches| switches.bad_group = BadGroup::StopsThere);
    assert_eq!(world.batch(&bad()), Err(400));
    assert_eq!(world.total(), number("1"));
}

#[test]
fn by_a_switch_a_bad_group_is_left_out() {
    let world = World::new();
    world.suger.switch(|switches| {
        switches.bad_group = BadGroup::LeftOut;
        switches.batch_ids = true;
    });
    assert_eq!(calls(&world.batch(&bad()).unwrap()), [1, 4]);
    let taken = with(item(8), "id", json!(ID));
    world.batch(std::slice::from_ref(&taken)).unwrap();
    assert_eq!(world.batch(&[taken]).unwrap(), json!([]));
    assert_eq!(world.suger.duplicates(), [ID]);
    assert_eq!(world.total(), number("13"));
}

#[test]
fn an_unknown_entitlement_refuses_its_batch() {
    let world = World::new();
    let unknown = with(item(2), "entitlementID", json!("ent-9"));
    assert_eq!(world.batch(&[item(1), unknown]), Err(404));
    assert_eq!(world.batch(&[without(item(1), "entitlementID")]), Err(400));
    assert_eq!(world.suger.groups().len(), 0);
}

#[test]
fn a_batch_in_which_a_group_is_all_zeros_is_refused_and_so_is_one_of_nothing() {
    let world = World::new();
    assert_eq!(world.batch(&[item(1), item(0)]), Err(400));
    assert_eq!(world.batch(&[]), Err(400));
}

#[test]
fn a_batch_has_a_bound() {
    let world = World::new();
    assert_eq!(world.batch(&vec![item(1); 101]), Err(400));
    assert_eq!(world.total(), number("0"));
    assert_eq!(
        world
            .batch(&vec![item(1); 100])
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        100
    );
    world.suger.switch(|switches| switches.batch_limit = 2);
    assert_eq!(world.batch(&vec![item(1); 3]), Err(400));
}

#[test]
fn what_is_malformed_refuses_its_batch_under_every_switch() {
    let world = World::new();
    world
        .suger
        .switch(|switches| switches.bad_group = BadGroup::LeftOut);
    let text = with(item(1), "records", json!({"api_calls": "1"}));
    assert_eq!(world.batch(&[item(1), text]), Err(400));
    assert_eq!(world.ask("POST", BATCH, &item(1).to_string()), Err(400));
    assert_eq!(world.suger.groups().len(), 0);
}

#[test]
fn an_answer_comes_out_of_order_and_with_a_group_missing() {
    let world = World::new();
    world.suger.switch(|switches| {
        switches.out_of_order = true;
        switches.missing_every = std::num::NonZeroUsize::new(2);
    });
    let answer = world
        .batch(&[item(1), item(2), item(4), item(8), item(16)])
        .unwrap();
    assert_eq!(calls(&answer), [16, 4, 1]);
    assert_eq!(world.total(), number("31"));
}

#[test]
fn a_batch_is_validated_without_being_stored() {
    let world = World::new();
    let validate = |groups: &[Value]| world.ask("POST", VALIDATE, &json!(groups).to_string());
    assert_eq!(validate(&[item(1), item(2)]), Ok(json!("")));
    assert_eq!(validate(&bad()), Err(500));
    assert_eq!(validate(&[]), Err(400));
    assert_eq!(world.ask("POST", VALIDATE, "{}"), Err(400));
    assert_eq!(world.suger.groups().len(), 0);
    assert_eq!(world.suger.counts().validations, 4);
}
