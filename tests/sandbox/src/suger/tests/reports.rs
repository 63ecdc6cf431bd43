//! The hourly roll-up.

use super::*;

#[test]
fn at_the_full_hour_the_groups_of_the_hour_before_are_summed_into_a_report() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    let both = json!({"api_calls": 5, "users": 1});
    world.send(&with(group(OTHER_ID, 0), "records", both)).unwrap();
    world
        .batch(&[with(item(3), "entitlementID", json!("ent-2"))])
        .unwrap();
    world.clock.set(at("2026-11-20T14:59:59Z"));
    assert_eq!(world.suger.reports().len(), 0);

    world.clock.set(at("2026-11-20T15:00:00Z"));
    let reports = world.suger.reports();
    assert_eq!(reports.len(), 2);
    assert_eq!(
        (reports[0].from, reports[0].until),
        (at("2026-11-20T14:00:00Z"), at("2026-11-20T15:00:00Z"))
    );
    let sums = [
        ("api_calls".to_owned(), number("12")),
        ("users".to_owned(), number("1")),
    ];
    assert_eq!(reports[0].records, sums.into());
    assert_eq!(reports[0].groups, [ID, OTHER_ID]);
    assert_eq!(
        (reports[1].entitlement.as_str(), &reports[1].records["api_calls"]),
        ("ent-2", &number("3"))
    );

    let stored = &world.suger.groups()[0];
    assert_eq!(
        (stored.status, stored.report.as_ref()),
        (Status::Reported, Some(&reports[0].id))
    );
    assert_eq!(world.total(), number("12"));
}

#[test]
fn a_group_is_in_one_report_alone() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    world.clock.set(at("2026-11-20T15:00:00Z"));
    world.send(&group(OTHER_ID, 5)).unwrap();
    world.clock.set(at("2026-11-20T18:30:00Z"));
    let groups = world
        .suger
        .reports()
        .into_iter()
        .map(|report| report.groups)
        .collect::<Vec<_>>();
    assert_eq!(groups, [[ID], [OTHER_ID]]);
    assert_eq!(world.suger.reports()[1].until, at("2026-11-20T16:00:00Z"));
}

#[test]
fn a_clock_that_goes_back_and_forth_makes_no_report_before_its_hour_is_over() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    for time in ["2026-11-20T13:30:00Z", "2026-11-20T14:30:00Z"] {
        world.clock.set(at(time));
        assert_eq!(world.suger.reports().len(), 0);
    }
    world.clock.set(at("2026-11-20T15:00:00Z"));
    assert_eq!(world.suger.reports().len(), 1);
}

#[test]
fn what_was_deleted_is_in_no_report() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    world.delete(ID).unwrap();
    world.clock.set(at("2026-11-20T15:00:00Z"));
    assert_eq!(world.suger.reports().len(), 0);
}

#[test]
fn reports_are_listed_as_the_document_has_them() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    world.clock.set(at("2026-11-20T15:00:00Z"));
    let id = world.suger.reports()[0].id.clone();
    let expected = json!({"usageRecordReports": [{
        "buyerID": "globex", "creationTime": "2026-11-20T15:00:00Z", "entitlementID": "ent-1", "id": id,
        "info": {
            "startTime": "2026-11-20T14:00:00Z", "endTime": "2026-11-20T15:00:00Z", "partner": "AWS",
            "reportedRecords": {"api_calls": 7}, "status": "SUCCESS", "usageRecordGroupIds": [ID],
        },
        "organizationID": "acme", "partner": "AWS",
    }]});
    assert_eq!(world.get(REPORTS), Ok(expected));
    let group = &world.get(GROUPS).unwrap()["usageRecordGroups"][0];
    assert_eq!(
        (&group["status"], &group["usageRecordReportID"]),
        (&json!("REPORTED"), &json!(id))
    );
    assert_eq!(group["reportedTime"], "2026-11-20T15:00:00Z");
}

#[test]
fn reports_are_filtered_and_paged() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    world
        .batch(&[with(item(3), "entitlementID", json!("ent-2"))])
        .unwrap();
    world.clock.set(at("2026-11-20T15:00:00Z"));
    let listed = |query: &str| {
        let answer = world.get(&format!("{REPORTS}?{query}")).unwrap();
        let reports = answer["usageRecordReports"].as_array().unwrap();
        let entitlements = reports
            .iter()
            .map(|report| report["entitlementID"].as_str().unwrap().to_owned());
        (entitlements.collect::<Vec<_>>(), answer["nextOffset"].as_u64())
    };
    assert_eq!(listed("limit=1"), (vec!["ent-1".to_owned()], Some(1)));
    assert_eq!(listed("limit=1&offset=1"), (vec!["ent-2".to_owned()], None));
    assert_eq!(
        listed("partner=GCP&buyerId=initech"),
        (vec!["ent-2".to_owned()], None)
    );
    assert_eq!(listed("entitlementId=ent-9"), (vec![], None));
    assert_eq!(world.get(&format!("{REPORTS}?status=SUCCESS")), Err(400));
}
