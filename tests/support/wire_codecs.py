"""Every codec of `wristlet.wire` with values to try it on.

`reads` are the qualified names (below `wristlet.wire`) of what the codec reads with;
`tests/wire/test_codecs.py` finds those that no codec here claims.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from support import activity_values
from support.message_values import any_in
from support.strap_codecs import messages_of
from wristlet.wire import apdu, ber, crockford, dgi, free_taps, numbers, receipt, script, tap_report
from wristlet.wire.emv import afl, bits, dol, iad, tags, track2
from wristlet.wire.gp import certs, commands, install, keys, registry
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.gp.privileges import Privileges
from wristlet.wire.masked import SecretDigits
from wristlet.wire.strap import activity, activity_log, att, frames, invitation, settings, state
from wristlet.wire.strap import messages as strap_messages
from wristlet.wire.strap import time as strap_time
from wristlet.wire.strap.fields import Family


@dataclass(frozen=True)
class Codec:
    """How to make, write and read values of one kind."""

    name: str
    values: st.SearchStrategy[Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    reads: tuple[str, ...]


def digits(low: int, high: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=low, max_size=high)


def raw(low: int, high: int | None = None) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=low, max_size=low if high is None else high)


def tuples_of(values: st.SearchStrategy[Any], low: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, min_size=low, max_size=4).map(tuple)


def _tag(first: int, rest: list[int]) -> int:
    middle = [byte | 0x80 for byte in rest[:-1]] + [rest[-1] & 0x7F]
    return int.from_bytes(bytes([first | 0x1F, *middle]), "big")


BYTE, WORD, LONG = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
AID = raw(5, 16)
SHORT_TAG = st.integers(1, 0xFF).filter(lambda tag: tag & 0x1F != 0x1F)
LONG_TAG = st.builds(_tag, BYTE, st.lists(BYTE, min_size=1, max_size=3))
TAG = st.one_of(SHORT_TAG, LONG_TAG, st.sampled_from(sorted(tags.TAGS)))
PRIMITIVE = TAG.filter(lambda tag: not ber.is_constructed(tag))
TLV = st.builds(ber.Tlv, TAG, raw(0, 300))
DAY = st.dates().map(lambda day: f"{day:%Y%m%d}".rjust(8, "0"))
LE_SHORT, LE_LONG = (st.none() | st.integers(1, top) for top in (256, 65536))
COMMAND = st.one_of(
    st.builds(apdu.Command, BYTE, BYTE, BYTE, BYTE, raw(0, 255), LE_SHORT, st.just(False)),
    st.builds(apdu.Command, BYTE, BYTE, BYTE, BYTE, raw(1, 700), LE_LONG, st.just(True)),
    st.builds(apdu.Command, BYTE, BYTE, BYTE, BYTE, st.just(b""), st.just(65536), st.just(True)),
)
LEASE = st.builds(
    iad.LeaseBlock,
    *(WORD, st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    *(st.integers(0, 15), BYTE, LONG),
)
AC, DONE = st.sampled_from(iad.AcType), st.booleans()
CVR18 = st.builds(lambda ac, done: iad.cvr18(ac, cdcvm_done=done), AC, DONE)
CVR21 = st.builds(lambda ac, done: iad.cvr21(ac, cdcvm_done=done), AC, DONE)
PRIVILEGES = st.integers(0, 0xFFFFFF).map(Privileges)
AES_BLOCK = st.builds(
    keys.KeyBlock,
    *(
        st.just(0x88),
        st.sampled_from((16, 24, 32)).flatmap(raw),
        raw(0, 3),
        st.none() | st.just(16),
    ),
)
EC_BLOCK = st.builds(
    keys.KeyBlock,
    *(st.sampled_from((0xB0, 0xB1)), raw(0, 140), raw(0, 3), st.none(), st.none() | BYTE),
)
STATE = st.sampled_from(ContactlessState)
DIGITS = digits(0, 10).map(SecretDigits)
TRACK2 = st.builds(
    track2.Track2, digits(8, 19).map(SecretDigits), digits(4, 4), digits(3, 3), DIGITS
)
QUERY = st.builds(
    registry.StatusQuery,
    raw(0, 16),
    st.none() | tuples_of(TAG),
    tuples_of(TLV.filter(lambda tlv: tlv.tag not in (0x4F, 0x5C))),
)
CERTIFICATE = st.builds(
    certs.Certificate,
    *(raw(1, 16), raw(1, 16), raw(1, 16), DAY, raw(65), raw(1, 2)),
    *(st.none() | DAY, raw(0, 20), raw(64)),
)
CARD_ENTRY = st.builds(
    registry.RegistryEntry,
    *(AID, BYTE, st.none() | PRIVILEGES, raw(0, 16), raw(0, 16), raw(0, 2), tuples_of(AID)),
)
CRS_ENTRY = st.builds(
    registry.ContactlessEntry, AID, BYTE, STATE, st.none() | WORD, st.none() | BYTE
)
AFL_ENTRY = st.integers(1, 255).flatmap(
    lambda first: st.integers(first, 255).flatmap(
        lambda last: st.builds(
            afl.AflEntry,
            *(st.integers(1, 30), st.just(first), st.just(last), st.integers(0, last - first + 1)),
        )
    )
)
SE_ID = raw(16)
RECEIPT = st.builds(
    receipt.Receipt,
    *(SE_ID, AID, LONG, raw(32), st.just(b"") | AID, st.sampled_from((0, 1, 0x80, 0xFF)), LONG),
)
ORDER = st.one_of(
    st.sampled_from((script.COMMIT, script.PIN_RESET)),
    raw(32).map(script.further_phone),
    AID.map(script.make_activatable),
    AID.map(script.make_non_activatable),
    AID.map(script.activate),
    st.builds(script.hand_over, AID, AID),
)

EPOCH = raw(8)
FRAME = st.one_of(
    st.builds(frames.Hello, BYTE, EPOCH, BYTE, BYTE),
    st.builds(frames.Welcome, BYTE, EPOCH, LONG, BYTE, BYTE),
    st.builds(frames.Data, BYTE, BYTE, BYTE, st.just(True), raw(12, 508)),
    st.builds(frames.Data, BYTE, BYTE, BYTE, st.just(False), raw(1, 508)),
    st.builds(frames.Ack, BYTE, BYTE, st.integers(0, frames.WINDOW_MAX), DONE),
    st.builds(frames.Broken, BYTE, st.sampled_from(frames.Reason)),
)
MESSAGE = st.builds(frames.Message, st.sampled_from(frames.MessageKind), LONG, raw(0, 700))
PDU = st.one_of(
    st.builds(att.Pdu, st.sampled_from(sorted(att.WITH_HANDLE)), WORD, raw(0, 500)),
    st.builds(
        att.Pdu,
        st.sampled_from(sorted(set(att.Opcode) - att.WITH_HANDLE)),
        st.just(0),
        raw(0, 500),
    ),
)


def _method(name: str, values: st.SearchStrategy[Any], decode: str = "parse") -> Codec:
    """A class that reads and writes itself."""
    module, _, cls = name.rpartition(".")
    kind = getattr(_MODULES[module], cls)
    return Codec(
        name, values, lambda value: value.encode(), getattr(kind, decode), (f"{name}.{decode}",)
    )


_MODULES: dict[str, Any] = {
    "apdu": apdu,
    "emv.bits": bits,
    "emv.iad": iad,
    "emv.track2": track2,
    "gp.certs": certs,
    "gp.install": install,
    "gp.keys": keys,
    "gp.registry": registry,
    "script": script,
}


def _field(name: str, kind: type[bits.BitField]) -> Codec:
    return _method(f"emv.bits.{name}", st.integers(0, (1 << 8 * kind.SIZE) - 1).map(kind), "decode")


def _statement(name: str, values: st.SearchStrategy[Any]) -> Codec:
    kind = getattr(receipt, name)
    return Codec(name, values, lambda value: value.body(), kind.parse, (f"receipt.{name}.parse",))


def _entry(name: str, values: st.SearchStrategy[Any], module: Any, tag: int) -> Codec:
    """A class that writes its outer tag and reads without it."""
    kind = getattr(module, name.rpartition(".")[2])

    def decode(data: bytes) -> Any:
        return kind.parse(ber.require(data, tag))

    return Codec(name, values, lambda value: value.encode(), decode, (f"{name}.parse",))


TAP_REPORT = st.builds(
    tap_report.TapReport,
    WORD,
    st.sampled_from(tap_report.TapOutcome),
    raw(0, 16),
    *(st.booleans(),) * 3,
    BYTE,
    LONG,
    BYTE,
    LONG,
)


def _family(family: Family[Any]) -> Codec:
    reads = ("strap.fields.Family.decode",)
    return Codec(family.title, messages_of(family), family.encode, family.decode, reads)


CODECS: tuple[Codec, ...] = (
    _family(state.REQUESTS),
    _family(state.ANSWERS),
    _family(state.NEWS),
    _family(strap_time.REQUESTS),
    _family(strap_time.ANSWERS),
    _family(settings.REQUESTS),
    _family(settings.ANSWERS),
    _family(settings.NEWS),
    Codec(
        "strap message event",
        any_in(strap_messages.NEWS).filter(
            lambda value: not isinstance(value, strap_messages.FindPhone)
        ),
        strap_messages.NEWS.encode,
        strap_messages.decode_event,
        ("strap.messages.decode_event", "strap.fields.Family.decode"),
    ),
    Codec(
        "ber objects",
        tuples_of(TLV),
        lambda v: b"".join(t.encode() for t in v),
        ber.parse,
        ("ber.parse",),
    ),
    Codec(
        "ber object", TLV, lambda v: v.encode(), lambda d: ber.parse_one(d)[0], ("ber.parse_one",)
    ),
    Codec(
        "ber value",
        raw(0, 300),
        lambda v: ber.encode_length(len(v)) + v,
        lambda d: ber.read_value(d)[0],
        ("ber.read_value",),
    ),
    Codec(
        "tag list",
        tuples_of(TAG),
        lambda v: b"".join(map(ber.tag_bytes, v)),
        ber.parse_tag_list,
        ("ber.parse_tag_list", "ber.read_tag"),
    ),
    Codec(
        "dgis",
        tuples_of(st.builds(dgi.Dgi, WORD, raw(0, 400))),
        dgi.build,
        dgi.parse,
        ("dgi.parse",),
    ),
    _method("apdu.Command", COMMAND),
    _method("apdu.Response", st.builds(apdu.Response, raw(0, 300), WORD)),
    Codec(
        "packed digits",
        digits(8, 8),
        lambda v: numbers.bcd_encode(v, 4, "x"),
        lambda d: numbers.bcd_decode(d, "x"),
        ("numbers.bcd_decode",),
    ),
    Codec(
        "integer",
        LONG,
        lambda v: numbers.to_bytes(v, 4, "x"),
        lambda d: numbers.from_bytes(d, 4, "x"),
        ("numbers.from_bytes",),
    ),
    Codec(
        "addressee",
        st.tuples(SE_ID, AID, LONG),
        lambda v: script.encode_addressee(*v),
        lambda d: script.parse_addressee(d)[:3],
        ("script.parse_addressee",),
    ),
    _method("script.ScriptHeader", st.builds(script.ScriptHeader, SE_ID, AID, LONG)),
    Codec(
        "order",
        ORDER,
        lambda v: v.encode(),
        lambda d: script.check_order(dgi.parse(d)[0]) if d[:1] else dgi.parse(b"\0"),
        ("script.check_order", "script.parse_hand_over"),
    ),
    _statement("Receipt", RECEIPT),
    _statement("PinStatement", st.builds(receipt.PinStatement, SE_ID, raw(16), DONE, DONE, LONG)),
    _statement("LeaseReport", st.builds(receipt.LeaseReport, SE_ID, WORD, BYTE, LONG, LONG)),
    Codec(
        "tap report",
        TAP_REPORT,
        tap_report.TapReport.encode,
        tap_report.TapReport.parse,
        ("tap_report.TapReport.parse",),
    ),
    Codec(
        "signed",
        st.builds(receipt.SignedStatement, raw(0, 200), raw(64)),
        lambda v: v.encode(0x7F60),
        lambda d: receipt.SignedStatement.parse(d, 0x7F60),
        ("receipt.SignedStatement.parse",),
    ),
    _field("Aip", bits.Aip),
    _field("Tvr", bits.Tvr),
    _field("Tsi", bits.Tsi),
    _field("Ttq", bits.Ttq),
    _field("Ctq", bits.Ctq),
    _field("Auc", bits.Auc),
    _method("emv.bits.CvmResults", st.builds(bits.CvmResults, BYTE, BYTE, BYTE)),
    Codec("afl", tuples_of(AFL_ENTRY), afl.encode, afl.parse, ("emv.afl.parse",)),
    Codec(
        "dol",
        tuples_of(st.builds(dol.DolEntry, TAG, BYTE)),
        dol.encode,
        dol.parse,
        ("emv.dol.parse",),
    ),
    _method("emv.track2.Track2", TRACK2),
    Codec("track 2", TRACK2, track2.encode, track2.parse, ("emv.track2.parse",)),
    Codec(
        "track 2 text",
        TRACK2,
        lambda v: track2.to_text(v).encode(),
        lambda d: track2.Track2.from_text(d.decode("latin-1")),
        ("emv.track2.Track2.from_text",),
    ),
    _method("emv.iad.LeaseBlock", LEASE),
    _method("emv.iad.Iad18", st.builds(iad.Iad18, BYTE, CVR18, LEASE)),
    _method("emv.iad.Iad21", st.builds(iad.Iad21, BYTE, CVR21, raw(2), LEASE)),
    _method("gp.certs.Certificate", CERTIFICATE),
    Codec(
        "PIN block",
        digits(4, 12),
        commands.pin_block2,
        lambda d: commands.parse_pin_block2(d).reveal(),
        ("gp.commands.parse_pin_block2",),
    ),
    _method(
        "gp.install.InstallForLoad",
        st.builds(
            install.InstallForLoad, AID, st.just(b"") | AID, raw(0, 32), raw(0, 200), raw(0, 200)
        ),
    ),
    _method(
        "gp.install.InstallForInstall",
        st.builds(install.InstallForInstall, AID, AID, AID, PRIVILEGES, raw(0, 200), raw(0, 200)),
    ),
    _method("gp.install.InstallForPersonalization", AID.map(install.InstallForPersonalization)),
    Codec(
        "initial state",
        st.sampled_from((ContactlessState.DEACTIVATED, ContactlessState.NON_ACTIVATABLE)),
        install.instance_parameters,
        install.initial_state,
        ("gp.install.initial_state",),
    ),
    _method("gp.keys.PutKey", st.builds(keys.PutKey, BYTE, tuples_of(AES_BLOCK | EC_BLOCK, 1))),
    _entry(
        "gp.keys.KeyInfo",
        st.builds(keys.KeyInfo, BYTE, BYTE, tuples_of(st.tuples(st.integers(0, 0xFE), BYTE), 1)),
        keys,
        0xC0,
    ),
    Codec(
        "key information",
        tuples_of(st.builds(keys.KeyInfo, BYTE, BYTE, st.just(((0x88, 16),)))),
        keys.encode_key_information,
        keys.parse_key_information,
        ("gp.keys.parse_key_information",),
    ),
    Codec(
        "privileges",
        PRIVILEGES,
        Privileges.encode,
        Privileges.decode,
        ("gp.privileges.Privileges.decode",),
    ),
    _entry("gp.registry.RegistryEntry", CARD_ENTRY, registry, 0xE3),
    _entry("gp.registry.ContactlessEntry", CRS_ENTRY, registry, 0x61),
    Codec(
        "card registry",
        tuples_of(CARD_ENTRY),
        registry.encode_entries,
        registry.parse_entries,
        ("gp.registry.parse_entries",),
    ),
    Codec(
        "contactless registry",
        tuples_of(CRS_ENTRY),
        registry.encode_contactless,
        registry.parse_contactless,
        ("gp.registry.parse_contactless",),
    ),
    _method("gp.registry.StatusQuery", QUERY),
    _method("gp.registry.CrsInfo", st.builds(registry.CrsInfo, WORD, raw(2))),
    Codec(
        "AID list",
        tuples_of(AID),
        registry.encode_aids,
        registry.parse_aids,
        ("gp.registry.parse_aids",),
    ),
    Codec(
        "failed AIDs",
        tuples_of(AID),
        registry.encode_failed,
        registry.parse_failed,
        ("gp.registry.parse_failed",),
    ),
    Codec("strap frame", FRAME, lambda v: v.encode(), frames.parse, ("strap.frames.parse",)),
    Codec(
        "strap message",
        MESSAGE,
        lambda v: v.encode(b"an epoch"),
        lambda d: frames.parse_message(d, b"an epoch"),
        ("strap.frames.parse_message",),
    ),
    Codec("ATT PDU", PDU, lambda v: v.encode(), att.parse, ("strap.att.parse",)),
    Codec(
        "activity records",
        activity_values.BLOCKS,
        activity_log.encode_records,
        activity_log.decode_records,
        ("strap.activity_log.decode_records",),
    ),
    Codec(
        "activity position",
        activity_values.positions(),
        activity.encode_position,
        activity.decode_position,
        ("strap.activity.decode_position",),
    ),
    Codec(
        "activity request",
        activity_values.REQUESTS,
        lambda request: request.encode(),
        activity.decode_request,
        (
            "strap.activity.decode_request",
            "strap.activity.ReadLog.decode",
            "strap.activity.AskExtent.decode",
        ),
    ),
    Codec(
        "activity extent",
        activity_values.EXTENTS,
        lambda extent: extent.encode(),
        activity.Extent.decode,
        ("strap.activity.Extent.decode",),
    ),
    Codec(
        "activity page",
        activity_values.pages(),
        lambda page: page.encode(),
        activity.Page.decode,
        ("strap.activity.Page.decode",),
    ),
    Codec(
        "base 32",
        raw(7),
        lambda v: crockford.encode(v).encode(),
        lambda d: crockford.decode(d.decode("latin-1"), 7, "code"),
        ("crockford.decode",),
    ),
    Codec(
        "invitation",
        st.builds(invitation.Invitation, raw(10), raw(8)),
        lambda v: v.url("pay.example").encode(),
        lambda d: invitation.Invitation.parse(d.decode("latin-1")),
        ("strap.invitation.Invitation.parse",),
    ),
    Codec(
        "free taps",
        st.builds(free_taps.FreeTaps, BYTE, LONG, BYTE, LONG, digits(4, 4), DONE),
        free_taps.FreeTaps.encode,
        free_taps.FreeTaps.parse,
        ("free_taps.FreeTaps.parse",),
    ),
)
