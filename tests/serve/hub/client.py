import os, urllib.request
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.utils import GatedRepoError, RepositoryNotFoundError, HfHubHTTPError

endpoint = os.environ["HF_ENDPOINT"]
alice, rita, bob = (HfApi(endpoint=endpoint, token=os.environ[name]) for name in ("ALICE", "RITA", "BOB"))
repo = "acme/gate-a"


def refused(error, call):
    try:
        call()
    except error as refusal:
        return refusal
    raise AssertionError(f"not refused: {call}")


def download(api):
    return hf_hub_download(repo, "config.json", endpoint=endpoint, token=api.token)


def ask(api):
    request = urllib.request.Request(f"{endpoint}/{repo}/ask-access", b"Use=study", method="POST")
    request.add_header("Authorization", f"Bearer {api.token}")
    urllib.request.urlopen(request).read()


assert alice.whoami()["name"] == "alice"
alice.create_repo(repo)
alice.create_repo(repo, exist_ok=True)
refused(HfHubHTTPError, lambda: alice.create_repo(repo))
refused(HfHubHTTPError, lambda: bob.update_repo_settings(repo, gated=False))
alice.update_repo_settings(repo, gated="manual")
assert bob.model_info(repo).gated == "manual"
assert repo in {model.id for model in bob.list_models(gated=True)}
assert repo not in {model.id for model in bob.list_models(gated=False)}
refused(GatedRepoError, lambda: download(bob))
refused(GatedRepoError, lambda: bob.auth_check(repo))
alice.auth_check(repo)

ask(bob)
assert list(rita.list_accepted_access_requests(repo)) == []
[pending] = rita.list_pending_access_requests(repo)
assert (pending.username, pending.status, pending.fields) == ("bob", "pending", {"Use": "study"}), pending
refused(HfHubHTTPError, lambda: bob.accept_access_request(repo, "bob"))
rita.accept_access_request(repo, "bob")
refused(HfHubHTTPError, lambda: rita.accept_access_request(repo, "bob"))
bob.auth_check(repo)
assert open(download(bob)).read() == '{"a": 1}'
folder = snapshot_download(repo, endpoint=endpoint, token=bob.token)
assert os.path.exists(os.path.join(folder, "weights", "part-1.bin"))

rita.reject_access_request(repo, "bob", rejection_reason="no")
assert [request.username for request in rita.list_rejected_access_requests(repo)] == ["bob"]
refused(GatedRepoError, lambda: bob.auth_check(repo))
rita.cancel_access_request(repo, "bob")
assert [request.username for request in rita.list_pending_access_requests(repo)] == ["bob"]
rita.grant_access(repo, "dora")
refused(HfHubHTTPError, lambda: rita.grant_access(repo, "dora"))
[granted] = rita.list_accepted_access_requests(repo)
assert (granted.username, granted.email) == ("dora", None), granted
refused(HfHubHTTPError, lambda: rita.accept_access_request(repo, "nobody"))

alice.update_repo_settings(repo, gated=False)
refused(HfHubHTTPError, lambda: list(rita.list_pending_access_requests(repo)))
alice.delete_repo(repo)
refused(RepositoryNotFoundError, lambda: bob.model_info(repo))
alice.delete_repo(repo, missing_ok=True)
alice.create_repo("acme/corpus-a", repo_type="dataset")
alice.update_repo_settings("acme/corpus-a", repo_type="dataset", gated="auto")
assert bob.dataset_info("acme/corpus-a").gated == "auto"
alice.delete_repo("acme/corpus-a", repo_type="dataset")
alice.create_repo("acme/room-a", repo_type="space", space_sdk="static")
alice.update_repo_settings("acme/room-a", repo_type="space", gated="manual")
refused(GatedRepoError, lambda: bob.auth_check("acme/room-a", repo_type="space"))
alice.delete_repo("acme/room-a", repo_type="space")
alice.create_repo("acme/quiet", private=True)
refused(RepositoryNotFoundError, lambda: bob.model_info("acme/quiet"))
assert alice.model_info("acme/quiet").private
alice.delete_repo("acme/quiet")
print("done")
