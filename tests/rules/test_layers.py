"""Rules of layers that imports alone do not hold: thin doors, whole transactions, static events, one reader."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.rules.sources import PACKAGES, Source, sources

MAX_RESPONDER_LINES = 15
ENVIRONMENT = {
    "twooter/settings.py": "the one reader",
    "twooter/gunicorn_conf.py": "tells prometheus_client its folder, before that is loaded",
    "workers/__main__.py": "the same",
}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
EVENT = re.compile(r"[a-z]+(_[a-z]+)*")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def of(folder: str) -> list[Source]:
    """Return the files below a folder of the code."""
    return [source for source in sources(*PACKAGES) if str(source.path).startswith(folder)]


def functions(tree: ast.AST) -> Iterator[Function]:
    """Yield every function, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of methods with these names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
            yield node


def place(source: Source, node: ast.stmt | ast.expr) -> str:
    """Return where a node stands."""
    return f"{source.path}:{node.lineno}"


def responders() -> list[tuple[Source, Function]]:
    """Return everything Falcon calls for a request."""
    return [
        (s, f)
        for s in of("twooter/api")
        for f in functions(s.tree)
        if re.fullmatch(r"on_(get|post|put|patch|delete)", f.name)
    ]


def body_lines(function: Function) -> int:
    """Count the lines of a function's body, its docstring apart."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_a_responder_parses_calls_one_service_and_shapes() -> None:
    found = responders()
    assert len(found) > 20
    for source, function in found:
        assert body_lines(function) <= MAX_RESPONDER_LINES, place(source, function)
        kinds = {type(node) for node in ast.walk(function)}
        assert not kinds & {ast.Try, ast.For, ast.While}, (
            f"{place(source, function)}: that belongs to a service"
        )


def test_a_task_is_one_service_call_long() -> None:
    (source,) = of("workers/tasks.py")
    tasks = [f for f in functions(source.tree) if f.decorator_list]
    assert tasks
    for task in tasks:
        assert body_lines(task) <= 2, place(source, task)


def test_the_session_is_called_tx_and_comes_first() -> None:
    """What a function of storage works on is seen at a glance; then comes the shard key."""
    for source in of("twooter"):
        for function in functions(source.tree):
            arguments = [a for a in function.args.args if a.arg != "self"]
            sessions = [a for a in arguments if a.annotation and ast.unparse(a.annotation) == "Session"]
            assert [a.arg for a in sessions] in ([], ["tx"]), place(source, function)
            if "storage" in source.path.parts and sessions:
                assert arguments[0] is sessions[0], place(source, function)


def test_transactions_end_in_one_place() -> None:
    elsewhere = [
        place(source, call)
        for source in of("")
        if str(source.path) != "twooter/storage/database.py"
        for call in calls(source.tree, "commit", "rollback", "atomic")
    ]
    assert not elsewhere, elsewhere


def test_public_things_say_what_one_gets() -> None:
    silent = [
        f"{place(source, node)} {node.name}"
        for source in of("")
        if "migrations" not in source.path.parts
        for holder in ast.walk(source.tree)
        if isinstance(holder, ast.Module | ast.ClassDef)
        for node in holder.body
        if isinstance(node, Function | ast.ClassDef)
        and not node.name.startswith("_")
        and node.name != "Meta"
        and ast.get_docstring(node) is None
        and not getattr(holder, "name", "").startswith("_")
    ]
    assert not silent, silent


def test_exceptions_are_named_ex() -> None:
    others = [
        f"{source.path}:{node.lineno}"
        for source in sources(*PACKAGES, "tests", "bench")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and node.name not in (None, "ex")
    ]
    assert not others, others


def test_the_environment_is_read_in_one_place() -> None:
    readers = {str(source.path) for source in of("") if re.search(r"\bos\.(environ|getenv)\b", source.text)}
    assert readers <= ENVIRONMENT.keys(), readers


def test_log_events_are_static_words() -> None:
    """What changes from line to line is a field: a line is found by its event."""
    loose = [
        f"{place(source, call)} {ast.unparse(call)[:60]}"
        for source in of("")
        for call in calls(source.tree, *LEVELS)
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "log"
        and not _is_event(call.args)
    ]
    assert not loose, loose


def _is_event(arguments: list[ast.expr]) -> bool:
    """Tell whether what is logged is one static event, or one of two."""
    if len(arguments) != 1:
        return False
    choices = [arguments[0].body, arguments[0].orelse] if isinstance(arguments[0], ast.IfExp) else arguments
    return all(
        isinstance(choice, ast.Constant) and isinstance(choice.value, str) and EVENT.fullmatch(choice.value)
        for choice in choices
    )


@pytest.mark.parametrize(("code", "fine"), [
    ('log.info("twoot_published", id=1)', True),
    ('log.info("a" if x else "b_c")', True),
    ('log.info(f"twoot {x}")', False),
    ('log.info("Twoot published")', False),
    ('log.info("told", 3)', False),
])  # fmt: skip
def test_an_event_is_told_from_a_sentence(code: str, *, fine: bool) -> None:
    (call,) = calls(ast.parse(code), "info")
    assert _is_event(call.args) is fine
