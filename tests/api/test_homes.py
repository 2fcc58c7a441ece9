"""Home timelines over HTTP: one's own alone, in the shapes of every timeline, by links to the end and back."""

from falcon.testing import TestClient

from tests import graphs
from tests.api.conftest import SignUp
from tests.api.test_timelines import bearer, links, publish, read, shown
from twooter.services.house import Services

HOME = "/v1/timelines/home"


def test_a_home_timeline_holds_twoots_and_retwoots_of_oneself_and_those_one_follows(
    client: TestClient, sign_up: SignUp, services: Services
) -> None:
    tokens = {name: sign_up(name) for name in ("ada", "ben", "cho")}
    accounts = {name: services.authenticate(token).account_id for name, token in tokens.items()}
    graphs.follow(services, accounts["ada"], accounts["ben"])
    by_cho = publish(client, tokens["cho"])
    by_ben = publish(client, tokens["ben"])
    address = f"/v1/twoots/{by_cho}/retwoot"
    assert client.simulate_put(address, headers=bearer(tokens["ben"])).status_code == 200
    by_ada = publish(client, tokens["ada"])
    answer = read(client, HOME, headers=bearer(tokens["ada"]))
    mine, passed_on, his = answer.json["items"]
    assert (mine["id"], mine["type"], his["id"], his["type"]) == (by_ada, "twoot", by_ben, "twoot")
    assert (passed_on["type"], passed_on["by"]["username"]) == ("retwoot", "ben")
    assert (
        passed_on["twoot"] == client.simulate_get(f"/v1/twoots/{by_cho}", headers=bearer(tokens["ada"])).json
    )
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("private, no-store", "Authorization")
    assert shown(read(client, HOME, headers=bearer(tokens["cho"]))) == [by_cho]


def test_links_lead_to_the_end_and_back(client: TestClient, sign_up: SignUp, services: Services) -> None:
    ada, ben = sign_up("ada"), sign_up("ben")
    viewer, author = services.authenticate(ada), services.authenticate(ben)
    graphs.follow(services, viewer.account_id, author.account_id)
    written = [publish(client, (ada, ben)[number % 2]) for number in range(7)]
    page = read(client, HOME, params={"limit": 3}, headers=bearer(ada))
    seen = shown(page)
    while page.json["next"] is not None:
        page = read(client, links(page)["next"], headers=bearer(ada))
        seen += shown(page)
    assert seen == written[::-1]
    assert shown(read(client, links(page)["prev"], headers=bearer(ada))) == written[1:4][::-1]


def test_nobody_has_a_home_without_a_token(client: TestClient) -> None:
    assert client.simulate_get(HOME).status_code == 401
