//! What is taken back in the middle of a fault: a key, and a list that lets somebody in.

use crate::{
    cluster::{Caller, Cluster, list},
    load::Outcome,
    postgres::until,
};
use serde_json::{Value, json};

/// A key and a user that may do something before the fault.
pub(crate) struct Trusted {
    name: String,
    key: String,
    key_revoked: Outcome,
    list_revoked: Outcome,
}

impl Trusted {
    pub(crate) fn before(cluster: &Cluster, round: &str) -> Self {
        let (name, caller) = (format!("trusted-{round}"), cluster.nodes[0].caller());
        let key = until("a key is made", || {
            let id = json!({ "id": name, "roles": ["admin"] });
            caller.send("key", "POST", "/v1/admin/keys?wait=all", &id)?.json::<Value>().ok()?["key"]
                .as_str()
                .map(str::to_owned)
        });
        let put = || Outcome::of(&caller, "put", "PUT", "/v1/acl/model?wait=all", &list(&name, &name));
        until("a list is there", || (put() == Outcome::Accepted).then_some(()));
        let trusted = Self { name, key, key_revoked: Outcome::Refused, list_revoked: Outcome::Refused };
        for node in &cluster.nodes {
            let caller = node.caller();
            until("all services trust it", || (trusted.holds(&caller) == [true, true]).then_some(()));
        }
        trusted
    }

    /// Whether a service still takes the key, and still lets the user in.
    fn holds(&self, caller: &Caller) -> [bool; 2] {
        let key = caller.with_key(&self.key).decides("key", "anybody", "view", "free");
        let user = caller.decides("user", &self.name, "infer", &self.name);
        [key.is_some(), user == Some(true)]
    }

    /// Takes both back at one service, and waits until no service that runs lets anybody in any more: because it has heard of
    /// it, or because it has heard nothing for too long.
    pub(crate) fn take_back(&mut self, cluster: &Cluster, node: usize) {
        let caller = cluster.nodes[node].caller();
        let key = format!("/v1/admin/keys/{}", self.name);
        self.key_revoked = Outcome::of(&caller, "revoke", "DELETE", &key, &Value::Null);
        let of_list = format!("/v1/acl/model/{}", self.name);
        self.list_revoked = Outcome::of(&caller, "revoke", "DELETE", &of_list, &Value::Null);
        for node in &cluster.nodes {
            let caller = node.caller();
            until("what was revoked is revoked", || {
                let [key, list] = self.holds(&caller);
                let is_left = [(key, self.key_revoked), (list, self.list_revoked)].contains(&(true, Outcome::Accepted));
                (!is_left).then_some(())
            });
        }
    }

    /// What was taken back has not come back, and what was not is there again.
    pub(crate) fn after(&self, cluster: &Cluster) {
        let all: Vec<[bool; 2]> = cluster.nodes.iter().map(|node| self.holds(&node.caller())).collect();
        for (number, what) in ["the key", "the list"].into_iter().enumerate() {
            let outcome = [self.key_revoked, self.list_revoked][number];
            let holds: Vec<bool> = all.iter().map(|holds| holds[number]).collect();
            assert!(holds.iter().all(|one| *one == holds[0]), "{what} holds at some, {outcome:?}: {holds:?}");
            assert!(outcome != Outcome::Accepted || !holds[0], "{what} was revoked, and holds");
            assert!(outcome != Outcome::Refused || holds[0], "{what} was not revoked, and does not hold");
        }
    }
}
