"""PINs that too many people choose; they are refused at creation and change.

Rules catch the regular ones (one digit, runs, a repeated part, mirrored halves); the list holds
what rules miss: years, dates and keypad figures known from published PIN frequency studies.
"""

from __future__ import annotations

from typing import Final

_YEARS: Final = frozenset(str(year) for year in range(1930, 2036))
_LISTED: Final = frozenset(
    """
    0007 0070 0101 0123 0143 0852 1004 1010 1020 1022 1066 1024 1029 1123 1124 1129 1130 1210 1225
    1230 1231 1235 1243 1245 1312 1314 1342 1357 1379 1397 1412 1423 1472 1478 1480 1590 1593 1596
    1598 1684 1717 1739 1793 1836 1937 2000 2410 2412 2468 2486 2512 2580 2684 2846 3010 3112 3141
    3159 3197 3571 3579 3698 3917 3971 4077 4200 4268 4286 4321 4444 4711 4862 5150 5683 6842 6248
    6996 7007 7139 7179 7193 7319 7391 7410 7531 7539 7891 7913 7931 8246 8520 8426 8462 8520 8624
    8642 8675 9173 9317 9371 9510 9517 9630 9632 9713 9731 9753 9874
    10203 11235 12321 13579 14789 15963 24680 25800 31415 35795 36987 75321 75391 78963 90210 95123
    98741 97531
    010203 011235 101112 102030 112233 112358 121314 123123 123321 131313 135246 135790 141421
    142536 147258 147852 147896 159357 159753 159951 168168 223344 246810 246800 258369 258456
    271828 314159 332211 357159 369258 369852 420420 456123 456852 520131 521521 654123 741852
    753951 777888 789456 789654 852456 867530 951753 963852 987456 112211 100200 200100 123654
    """.split()
)
_UP: Final = "01234567890123456789"
_DOWN: Final = _UP[::-1]


def is_weak(pin: str) -> bool:
    """Tell whether a PIN (4 to 12 digits) is among the first that a thief would try."""
    return (
        pin in _UP
        or pin in _DOWN
        or _is_repeated(pin)
        or pin == pin[::-1]
        or _is_doubled(pin)
        or pin in _LISTED
        or pin in _YEARS
        or _ends_are_one_digit(pin)
    )


def listed() -> frozenset[str]:
    """Every PIN that is refused by name, besides those that the rules refuse."""
    return _LISTED | _YEARS


def _is_repeated(pin: str) -> bool:
    """One digit, or a shorter part, over and over: 1111, 1212, 123123."""
    return pin in (pin + pin)[1:-1]


def _is_doubled(pin: str) -> bool:
    """Every digit twice in a row: 1122, 112233."""
    return len(pin) % 2 == 0 and all(pin[i] == pin[i + 1] for i in range(0, len(pin), 2))


def _ends_are_one_digit(pin: str) -> bool:
    """All digits the same but the last or the first: 1112, 00001."""
    return len(set(pin[:-1])) == 1 or len(set(pin[1:])) == 1
