//! Two servers on one home.

use serde_json::json;

use super::rig::{Rig, after, kinds, said, thread_of};

#[tokio::test]
async fn of_two_servers_at_one_id_one_continues_it_and_the_other_branches_from_there() {
    for _ in 0..5 {
        let rig = Rig::new();
        let (old, blue) = rig.thread_of_a_dead_server().await;
        let (mut one, mut two) = (rig.server(), rig.server());
        for server in [&mut one, &mut two] {
            let id = server.ask("ping", json!({})).await;
            server.answer(id).await;
        }
        let (left, right) = (rig.turn(), rig.turn());
        let (left_result, right_result) = tokio::join!(one.reply(&old, &left), two.reply(&old, &right));
        let is_branch = |result| kinds(result) == ["branched_from_live"];
        let (winner, loser) =
            if is_branch(&right_result) { (&left_result, &right_result) } else { (&right_result, &left_result) };
        assert_eq!((kinds(winner), is_branch(loser)), (vec![], true), "{winner} {loser}");
        let (winner, branch) = (thread_of(winner), thread_of(loser));
        assert_eq!(rig.aliases(), [(old.clone(), winner.clone())]);
        assert_eq!(rig.meta(&winner)["forked_from_id"], json!(old));
        assert_eq!(rig.meta(&branch)["forked_from_id"], json!(winner));
        for turn in [&left, &right] {
            assert_eq!(rig.received(turn)[..2], after(&[&blue], turn)[..2], "both know what was said");
        }
    }
}

#[tokio::test]
async fn a_thread_that_is_loaded_in_a_live_server_is_branched_and_both_go_on() {
    let rig = Rig::new();
    let (mut one, mut two) = (rig.server(), rig.server());
    let (blue, under_way, aside, later) = (rig.turn(), rig.turn(), rig.turn(), rig.turn());
    let thread = one.start(&blue, json!({"cwd": rig.project()})).await;
    let mut hold = rig.hold(&under_way);
    let id = one.begin_reply(&thread, &under_way).await;
    hold.reached().await;

    let result = two.reply(&thread, &aside).await;
    let branch = thread_of(&result);
    assert_ne!(branch, thread);
    assert_eq!(kinds(&result), ["branched_from_live"]);
    let told = result["content"][1]["text"].as_str().unwrap();
    assert!(told.starts_with("[rehydra] the thread is loaded in another live process"), "{told}");
    assert_eq!(rig.received(&aside), after(&[&blue], &aside), "the turn under way is not part of the branch");
    assert_eq!(rig.aliases(), []);

    drop(hold);
    assert_eq!(one.result(id).await, said(&thread, &under_way));
    assert_eq!(one.reply(&thread, &later).await, said(&thread, &later));
    assert_eq!(rig.received(&later), after(&[&blue, &under_way], &later));
}
