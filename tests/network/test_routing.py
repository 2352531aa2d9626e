"""Longest prefix wins; what is no table is refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.network.routing import RoutingError, RoutingTable

PREFIXES = st.text("0123456789", min_size=1, max_size=11)


@pytest.mark.parametrize(
    ("number", "host"),
    [
        ("9998010000000000", "tsp"),
        ("9998020000000000", "other"),
        ("99980", "tsp"),
        ("999", None),
        ("", None),
        ("4000000000000000", None),
    ],
)
def test_longest_prefix_wins(number: str, host: str | None) -> None:
    assert RoutingTable({"9998": "tsp", "999802": "other"}).host_for(number) == host


@given(st.dictionaries(PREFIXES, st.sampled_from(["a", "b"])), st.text("0123456789", max_size=19))
def test_as_a_search_through_all(routes: dict[str, str], number: str) -> None:
    fitting = [prefix for prefix in routes if number.startswith(prefix)]
    expected = routes[max(fitting, key=len)] if fitting else None
    assert RoutingTable(routes).host_for(number) == expected


@pytest.mark.parametrize("prefix", ["", "99a", "1" * 12, "٣"])
def test_what_is_no_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(RoutingError, match="1 to 11 digits"):
        RoutingTable({prefix: "tsp"})


def test_host_needs_a_name() -> None:
    with pytest.raises(RoutingError):
        RoutingTable({"9998": ""})


def test_table_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "routes.json"
    path.write_text('{"9998": "tsp"}')
    assert RoutingTable.load(path).host_for("99981") == "tsp"


@pytest.mark.parametrize("text", [None, "", "[]", '{"9998": 1}', '{"x": "tsp"}'])
def test_bad_file_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "routes.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RoutingError):
        RoutingTable.load(path)
