use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Counts its calls and answers their number.
#[derive(Default)]
struct Counter(AtomicU64);

impl Service for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn call(&self, _: &Request<Bytes>) -> Fate {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Fate::Reply(Response::new(Bytes::from(number.to_string())))
    }
}

struct World {
    counter: Arc<Counter>,
    faults: Faults,
    service: Arc<Faulty>,
}

impl World {
    fn new(rules: Vec<Rule>) -> Self {
        let (counter, faults) = (Arc::new(Counter::default()), Faults::default());
        let inner: Arc<dyn Service> = Arc::<Counter>::clone(&counter);
        let service = faults.around(inner);
        rules.into_iter().for_each(|rule| faults.add(rule));
        Self {
            counter,
            faults,
            service,
        }
    }

    /// The status of the answer, or 0 where it is lost.
    fn call(&self, path: &'static str) -> u16 {
        match self.service.call(&Request::get(path).body(Bytes::new()).unwrap()) {
            Fate::Reply(reply) => reply.status().as_u16(),
            Fate::Lost => 0,
            Fate::After(..) => panic!("no delay was planned"),
        }
    }

    fn effects(&self) -> u64 {
        self.counter.0.load(Ordering::SeqCst)
    }
}

fn unavailable() -> Fault {
    Fault::status(StatusCode::SERVICE_UNAVAILABLE, "application/json", "{}")
}

#[test]
fn a_request_lost_before_its_effect_has_none_and_one_lost_after_it_has() {
    let world = World::new(vec![
        Rule::new("before", When::Nth(1), Fault::LostBefore),
        Rule::new("after", When::Nth(2), Fault::LostAfter),
    ]);
    assert_eq!((world.call("/"), world.effects()), (0, 0));
    assert_eq!((world.call("/"), world.effects()), (0, 1));
    assert_eq!((world.call("/"), world.effects()), (200, 2));
    assert_eq!(
        world.faults.given(),
        BTreeMap::from([("after".to_owned(), 1), ("before".to_owned(), 1)])
    );
    assert_eq!(world.faults.seen(), 3);
}

#[test]
fn an_answer_in_the_service_s_place_has_no_effect_unless_it_comes_after_it() {
    let Fault::Answer(answer) = unavailable() else {
        panic!("not an answer")
    };
    let world = World::new(vec![
        Rule::new("refused", When::Nth(1), unavailable()),
        Rule::new("broken", When::Nth(2), Fault::AnswerAfter(answer)),
    ]);
    assert_eq!((world.call("/"), world.effects()), (503, 0));
    assert_eq!((world.call("/"), world.effects()), (503, 1));
}

#[test]
fn too_many_requests_says_when_to_come_back_or_does_not() {
    for (seconds, header) in [(Some(7), Some("7")), (None, None)] {
        let Fault::Answer(answer) = Fault::too_many_requests(seconds, "application/json", "{}") else {
            panic!("not an answer")
        };
        assert_eq!(answer.status(), 429);
        assert_eq!(
            answer
                .headers()
                .get("retry-after")
                .map(|value| value.to_str().unwrap()),
            header
        );
    }
}

#[test]
fn a_rule_strikes_by_the_number_among_the_requests_that_it_is_about() {
    let statuses = |when: When| {
        let world = World::new(vec![Rule::new("rule", when, unavailable()).on_path("/struck")]);
        (0..6)
            .map(|_| (world.call("/other"), world.call("/struck")).1)
            .collect::<Vec<_>>()
    };
    assert_eq!(statuses(When::Always), [503; 6]);
    assert_eq!(statuses(When::Nth(2)), [200, 503, 200, 200, 200, 200]);
    assert_eq!(statuses(When::Every(3)), [200, 200, 503, 200, 200, 503]);
    assert_eq!(statuses(When::First(2)), [503, 503, 200, 200, 200, 200]);
    assert_eq!(statuses(When::Every(0)), [200; 6]);
}

#[test]
fn a_rule_may_be_about_one_operation_of_one_service() {
    let rule = Rule::new("rule", When::Always, unavailable())
        .on_service("counter")
        .on_operation("PutItem");
    let elsewhere = Rule::new("elsewhere", When::Always, Fault::LostBefore).on_service("other");
    let world = World::new(vec![elsewhere, rule]);
    let call = |operation: &str| {
        let target = format!("DynamoDB_20120810.{operation}");
        let request = Request::post("/")
            .header("x-amz-target", target)
            .body(Bytes::new())
            .unwrap();
        matches!(world.service.call(&request), Fate::Reply(reply) if reply.status() == 503)
    };
    assert!(call("PutItem"));
    assert!(!call("GetItem"));
}

#[test]
fn a_share_is_drawn_by_the_seed_and_is_the_same_each_time() {
    let struck = |seed: u64| {
        let world = World::new(vec![Rule::new(
            "rule",
            When::Percent { share: 30, seed },
            unavailable(),
        )]);
        (0..1000).map(|_| world.call("/")).collect::<Vec<_>>()
    };
    let count = struck(1).iter().filter(|status| **status == 503).count();
    assert!((250..350).contains(&count), "{count}");
    assert_eq!(struck(1), struck(1));
    assert_ne!(struck(1), struck(2));
}

#[test]
fn a_strike_acts_on_its_side_of_the_effect() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let counter = Arc::new(Counter::default());
    let act = || {
        let (seen, counter) = (Arc::clone(&seen), Arc::clone(&counter));
        Arc::new(move || seen.lock().unwrap().push(counter.0.load(Ordering::SeqCst)))
    };
    let faults = Faults::default();
    faults.add(Rule::new("before", When::Nth(1), Fault::StrikeBefore(act())));
    faults.add(Rule::new("after", When::Nth(2), Fault::StrikeAfter(act())));
    let service = faults.around(Arc::<Counter>::clone(&counter));
    for _ in 0..2 {
        assert!(matches!(service.call(&Request::new(Bytes::new())), Fate::Lost));
    }
    assert_eq!(*seen.lock().unwrap(), [0, 1]);
}

#[test]
fn a_delay_has_its_effect_and_answers_later() {
    let world = World::new(vec![Rule::new(
        "slow",
        When::Always,
        Fault::Delay(Duration::from_secs(5)),
    )]);
    let fate = world.service.call(&Request::new(Bytes::new()));
    assert!(matches!(fate, Fate::After(delay, _) if delay == Duration::from_secs(5)));
    assert_eq!(world.effects(), 1);
}

#[test]
fn a_plan_that_is_cleared_strikes_no_more_and_keeps_its_count() {
    let world = World::new(vec![Rule::new("rule", When::Always, unavailable())]);
    assert_eq!(world.call("/"), 503);
    world.faults.clear();
    assert_eq!(world.call("/"), 200);
    assert_eq!(world.faults.given()["rule"], 1);
}
