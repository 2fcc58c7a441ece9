"""The report: what failed and what was not tried is never read as passed."""

from e2e.report import Figures, Report


def broken() -> Figures:
    raise ValueError("a reason\nof two lines")


def test_a_step_that_raises_fails_the_run_and_says_why() -> None:
    report = Report()
    assert report.take("one", "shows one", lambda: {"seconds": 3})
    assert not report.take("two", "shows two", broken)
    assert report.failed
    assert "| two | shows two | FAILED: ValueError: a reason of two lines | 0 |  |" in report.markdown()
    assert "| one | shows one | passed | 0 | seconds 3 |" in report.markdown()


def test_a_step_that_was_left_out_says_so_and_fails_nothing() -> None:
    report = Report(versions={"Kubernetes": "v1"})
    report.leave_out("one", "shows one")
    assert not report.failed
    assert "| one | shows one | left out | 0 |  |" in report.markdown()
    assert "Kubernetes v1." in report.markdown()
