//! Who may call, and where.

use super::*;

fn status(world: &World, authorization: Option<&str>) -> u16 {
    let mut request = Request::builder().method("GET").uri(GROUPS);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let reply = world.reply(request, "");
    assert!(reply.status() == 200 || serde_json::from_slice::<String>(reply.body()).is_ok());
    reply.status().as_u16()
}

#[test]
fn a_request_carries_the_key_of_an_api_client() {
    let world = World::new();
    assert_eq!(status(&world, Some("Key 673d5b018d472f")), 200);
    for wrong in [
        "Key unknown",
        "Bearer 673d5b018d472f",
        "673d5b018d472f",
        "key 673d5b018d472f",
    ] {
        assert_eq!(status(&world, Some(wrong)), 401, "{wrong}");
    }
    assert_eq!(status(&world, None), 401);
}

#[test]
fn a_revoked_key_is_shut_out() {
    let world = World::new();
    world.suger.revoke_key(KEY);
    assert_eq!(status(&world, Some("Key 673d5b018d472f")), 401);
}

#[test]
fn a_key_is_of_one_organization() {
    let world = World::new();
    world.suger.add_organization("zeta", "another-key");
    assert_eq!(status(&world, Some("Key another-key")), 403);
}

#[test]
fn an_unknown_organization_is_not_found() {
    let world = World::new();
    assert_eq!(world.get("/org/nobody/usageRecordGroup"), Err(404));
}

#[test]
fn an_unknown_path_is_not_found_and_another_method_is_not_allowed() {
    let world = World::new();
    for path in [
        "/",
        "/org/acme",
        "/org/acme/usage",
        "/org/acme/entitlement/ent-1/usageRecordGroup/x",
    ] {
        assert_eq!(world.get(path), Err(404), "{path}");
    }
    assert_eq!(world.get(BATCH), Err(405));
    assert_eq!(world.ask("POST", GROUPS, "{}"), Err(405));
}

#[test]
fn paths_begin_with_v1_by_a_switch_and_then_only_so() {
    let world = World::new();
    let prefixed = format!("/v1{GROUPS}");
    assert_eq!(world.get(&prefixed), Err(404));
    world.suger.switch(|switches| switches.prefix = true);
    assert!(world.get(&prefixed).is_ok());
    assert_eq!(world.get(GROUPS), Err(404));
}
