"""Every error a service may raise; each has a stable code and a detail safe to show, and knows no HTTP."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field of a request."""

    field: str
    code: str
    detail: str


class TwooterError(Exception):
    """A refusal: `code` is stable and machine-readable, `detail` says what to do next."""

    code = "error"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class BadRequest(TwooterError):
    """The request could not be understood: broken syntax, a bad parameter, a forged cursor."""

    code = "bad_request"

    def __init__(self, detail: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.errors = [FieldError(field, self.code, detail)] if field is not None else []


class Unauthorized(TwooterError):
    """Nobody is signed in, or the token no longer holds."""

    code = "unauthorized"


class Forbidden(TwooterError):
    """Somebody is signed in, but may not do this."""

    code = "forbidden"


class NotFound(TwooterError):
    """What was asked for does not exist, or the viewer may not know that it does."""

    code = "not_found"

    def __init__(self, noun: str) -> None:
        super().__init__(f"No such {noun}.")


class Invalid(TwooterError):
    """The request is understood, but a value breaks a rule; `errors` names each field."""

    code = "invalid"

    def __init__(self, *errors: FieldError, code: str | None = None) -> None:
        super().__init__("; ".join(f"{e.field}: {e.detail}" for e in errors) or "Invalid.", code=code)
        self.errors = list(errors)

    @classmethod
    def field(cls, field: str, code: str, detail: str) -> Invalid:
        """Return the error of a single field."""
        return cls(FieldError(field, code, detail))


class Conflict(TwooterError):
    """The request contradicts the present state."""

    code = "conflict"


class TooMany(TwooterError):
    """A limit is used up; `retry_after_seconds` says when to come back."""

    code = "rate_limited"

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Elsewhere(TwooterError):
    """What was asked for is answered at another address, which the detail names."""

    code = "elsewhere"


class Unavailable(TwooterError):
    """A part Twooter needs does not answer; nothing was half done, and trying again is safe."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
