"""Stories of moderation: somebody reports, somebody decides, and it is written down."""

from tests.stories.conftest import Meet
from tests.stories.people import missing, soon


def test_a_report_ends_in_a_hidden_twoot_and_a_line_in_the_log(meet: Meet) -> None:
    ada, troll, mod = meet("ada"), meet("troll"), meet("mod")
    mod.becomes("moderator")
    assert ada.ask("GET", "/v1/moderation/reports").status == 403
    insult = troll.says("Something vile")
    report = ada.does(
        "POST", "/v1/reports", {"twoot_id": insult, "reason": "harassment", "comment": "See for yourself"}
    )
    soon("the report", lambda: report["id"] in mod.ids("/v1/moderation/reports"))
    mod.does("PATCH", f"/v1/moderation/reports/{report['id']}", {"assigned": True})
    mod.does("PUT", f"/v1/moderation/twoots/{insult}/hide", {"reason": "An insult"})
    mod.does("PATCH", f"/v1/moderation/reports/{report['id']}", {"state": "resolved", "note": "Hidden"})
    assert missing(ada, f"/v1/twoots/{insult}")
    assert insult not in ada.ids("/v1/timelines/public?limit=100")
    assert report["id"] not in mod.ids("/v1/moderation/reports")
    assert (mod.items("/v1/moderation/log")[0]["account_id"]) == troll.id


def test_who_is_suspended_is_nowhere_and_comes_back_whole(meet: Meet) -> None:
    ada, troll, mod = meet("ada"), meet("troll"), meet("mod")
    mod.becomes("moderator")
    ada.follows(troll)
    twoot = troll.says("Here I am")
    soon("ada's home timeline", lambda: twoot in ada.home())
    mod.does("PUT", f"/v1/moderation/accounts/{troll.id}/suspend", {"reason": "Spam"})
    for path in (f"/v1/twoots/{twoot}", f"/v1/accounts/{troll.id}", f"/v1/accounts/{troll.id}/twoots"):
        assert missing(ada, path), path
    assert twoot not in ada.home()
    assert troll.ask("GET", "/v1/me").status == 401
    mod.does("DELETE", f"/v1/moderation/accounts/{troll.id}/suspend", {"reason": "A mistake"})
    assert ada.sees(f"/v1/twoots/{twoot}")["id"] == twoot
    soon("ada's home timeline again", lambda: twoot in ada.home())
