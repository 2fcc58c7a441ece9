"""Whatever is done with secrets, none is in a log line, a metric or an answer; and what is internal stays inside."""

import secrets
from email.message import EmailMessage

from tests.faults.apps import App
from tests.faults.clients import PASSWORD, Answer, Client, assert_refused
from tests.faults.leaks import assert_no_secrets
from tests.mailbox import mails_to, token_in
from tests.processes import wait_until

NEW_PASSWORD = "staple battery horse correct"


def test_a_life_with_secrets_leaves_none_behind(shape: App) -> None:
    client, name = Client(shape.port), f"secretive_{secrets.token_hex(4)}"
    member = client.sign_up(name)
    second = client.sign_in(name)
    tokens = [_link_token(shape, member.email, 1)]
    answers = [
        client.call("POST", "/v1/tokens", {"username": name, "password": PASSWORD + "?"}),
        client.call("POST", "/v1/tokens", {"username": member.email, "password": PASSWORD}),
        client.call("POST", "/v1/tokens", {"username": PASSWORD, "password": name}),
        client.call("POST", "/v1/tokens", f'{{"username": "{name}", "password": "{PASSWORD}"'.encode()),
        client.call("POST", "/v1/tokens", {"username": [member.email], "password": {"a": PASSWORD}}),
        client.call("POST", "/v1/accounts", {"username": name, "email": member.email, "password": PASSWORD}),
        client.call(
            "POST", "/v1/accounts", {"username": "new", "email": f"{member.email}@", "password": PASSWORD}
        ),
        client.call("POST", "/v1/email-confirmations", {"token": tokens[0][:-1]}),
        client.call("PUT", "/v1/password-resets", {"token": tokens[0], "password": NEW_PASSWORD}),
        client.call("GET", f"/v1/me?token={member.token}&password={PASSWORD.replace(' ', '+')}"),
        client.call("GET", f"/v1/accounts/{member.token}"),
        client.call("GET", f"/{member.email}/{member.token}"),
        client.call("GET", "/v1/accounts/lookup?username=" + member.email),
        client.call(
            "GET", "/v1/me", headers={"Authorization": f"Basic {member.token}", "X-Request-ID": member.token}
        ),
        client.call("GET", "/v1/me", headers={"Authorization": f"Bearer {member.token}A", "Cookie": second}),
        *client.raw(
            f"GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {member.token}\r\n\r\n".encode()
        ),
        *client.raw(f"GET /v1/me HTTP/1.1\r\nHost: x\r\n{member.token}\0: a\r\n\r\n".encode()),
        *client.raw(f"GET /v1/me?{member.token} HTTP/9.9\r\n\r\n".encode()),
        *client.raw(f"{member.token} {member.email} {PASSWORD}\r\n\r\n".encode()),
    ]
    for answer in answers:
        assert_refused(answer, 400, 401, 404, 409, 422)
        assert_no_secrets(answer.body.decode(), *filter(None, tokens))
    assert client.call("POST", "/v1/email-confirmations", {"token": tokens[0]}).status == 204
    assert client.call("POST", "/v1/password-resets", {"email": member.email}).status == 202
    tokens.append(_link_token(shape, member.email, 2))
    reset = {"token": tokens[1], "password": NEW_PASSWORD}
    assert client.call("PUT", "/v1/password-resets", reset).status == 204
    assert_refused(client.call("PUT", "/v1/password-resets", reset), 422)
    for text in (shape.logs(), _metrics(shape).body.decode()):
        assert_no_secrets(text, NEW_PASSWORD, *tokens, *_keys(shape))


def _link_token(shape: App, address: str, number: int) -> str:
    """Return the token of the mail of that number to an address, the first being 1."""

    def found() -> list[EmailMessage]:
        return [mail for folder in shape.var_dirs for mail in mails_to(folder, address)]

    wait_until(lambda: len(found()) >= number, seconds=20, what="a mail")
    return token_in(found()[number - 1])


def _keys(shape: App) -> list[str]:
    return [path.read_text() for folder in shape.var_dirs for path in folder.glob("secret_key")]


def _metrics(shape: App) -> Answer:
    return Client(int(shape.ops_url.rpartition(":")[2])).call("GET", "/metrics")


def test_in_production_nothing_internal_is_on_the_public_port(production: App) -> None:
    public, internal = Client(production.port), Client(int(production.ops_url.rpartition(":")[2]))
    assert public.port != internal.port
    for address in ("/metrics", "/healthz", "/readyz"):
        assert_refused(public.call("GET", address), 404)
        assert internal.call("GET", address).status == 200
    for address in ("/", "/v1/timelines/public", "/openapi.json", "/messages"):
        assert public.call("GET", address).status == 200
        assert internal.call("GET", address).status == 404


def test_nothing_internal_is_in_the_document(production: App) -> None:
    paths = Client(production.port).call("GET", "/openapi.json").json["paths"]
    assert not {"/metrics", "/healthz", "/readyz"} & set(paths)
