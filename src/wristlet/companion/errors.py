"""What the companion tells its user when something cannot be done.

CompanionError
├── InputError        the wearer typed something that cannot be right; `field` names it
├── PinRequired       no PIN on the strap yet
├── PinWrong          wrong PIN; `tries_left` tells how often it may be tried again
├── PinBlocked        three wrong PINs
├── CardRefused       issuer, network or wallet said no; `party` and `reason` tell who and why
├── CodeRefused       a one-time code was not accepted
├── StrapUntrusted    the strap's secure element cannot prove where it comes from
├── StrapUnreachable  the link to the strap broke; nothing is lost, try again near it
├── ServerRefused     the wallet server said no; `code` names why
└── ServerUnreachable the wallet server does not answer; switching and paying go on
"""

from __future__ import annotations


class CompanionError(Exception):
    """Base of everything the companion reports; the text says what to do next."""


class InputError(CompanionError):
    """A field that the wearer typed cannot be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class PinRequired(CompanionError):
    """No card can be added before the PIN exists on the strap."""

    def __init__(self) -> None:
        super().__init__("PIN: there is none on the strap yet; create one before the first card")


class PinWrong(CompanionError):
    """The PIN was wrong."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(f"PIN: wrong; {tries_left} {'try' if tries_left == 1 else 'tries'} left")
        self.tries_left = tries_left


class PinBlocked(CompanionError):
    """The PIN is blocked; cards stay on the strap."""

    def __init__(self) -> None:
        super().__init__(
            "PIN: blocked after three wrong entries; your cards stay,"
            " and small amounts go on without it"
        )


class CardRefused(CompanionError):
    """The card cannot be added."""

    def __init__(self, party: str, reason: str) -> None:
        super().__init__(
            f"card: refused by the {party} ({reason}); ask your bank or use another card"
        )
        self.party = party
        self.reason = reason


class CodeRefused(CompanionError):
    """The one-time code was not accepted."""

    def __init__(self, result: str, tries_left: int) -> None:
        advice = {
            "incorrect_code": f"it is not the one we sent; {tries_left} tries left",
            "expired_code": "it is too old; ask for a new one",
            "tries_exceeded": "too many wrong codes; ask for a new one",
        }.get(result, "it was not accepted; ask for a new one")
        super().__init__(f"code: {advice}")
        self.result = result
        self.tries_left = tries_left


class StrapUntrusted(CompanionError):
    """The strap's secure element shows no valid certificates."""


class StrapUnreachable(CompanionError):
    """The link to the strap broke."""

    def __init__(self) -> None:
        super().__init__("strap: out of reach; nothing is lost, bring it near and try again")


class ServerRefused(CompanionError):
    """The wallet server understood and said no."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ServerUnreachable(CompanionError):
    """The wallet server does not answer."""

    def __init__(self) -> None:
        super().__init__(
            "server: it does not answer; paying and switching cards still work,"
            " try this again later"
        )
