#!/usr/bin/env python3
"""Writes docs/reference/gatt.md from the declaration of the strap's services and from vectors.

`gatt_page.py` prints the page; `make docs-gatt` puts it where it belongs, and a test compares.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from wristlet.links.strap_link import PAIR_OFFER, PAIR_REVEAL
from wristlet.wire.strap import frames, invitation, phone_end, settings, state, stream, time
from wristlet.wire.strap.described import tables
from wristlet.wire.strap.frames import Fate, FrameKind, MessageKind, Reason
from wristlet.wire.strap.gatt import SERVICES, Property, Service

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT / "vectors" / "strap" / "frames.json"
BODY = ROOT / "vectors" / "strap" / "body.json"
FAMILIES = ("REQUESTS", "ANSWERS", "NEWS")
PROPERTY_WORDS = {
    Property.READ: "read",
    Property.WRITE: "write",
    Property.WRITE_WITHOUT_RESPONSE: "write without response",
    Property.NOTIFY: "notify",
}

HEAD = """# The strap's Bluetooth services

What a strap has to do on the air to take the place of the emulated one. This page is made from the
declaration that both ends of the project use (`src/wristlet/wire/strap/`), by `make docs-gatt`.
First comes how messages travel, then what those of some services say; the others' pages are linked
there.

## Security

- LE Secure Connections with numeric comparison, and nothing else: legacy pairing, just-works,
  passkey entry, out-of-band data and keys below 16 bytes are refused while pairing.
- The strap shows six digits; its button confirms them within {patience} seconds. Both ends bond and
  distribute identity keys. The strap keeps up to {bonds} bonds and takes no further phone then.
- Every characteristic below needs an encrypted connection under a key that was confirmed so. The
  stored key decides, not the connection's flag: stacks call just-works connections authenticated.
- Strap and phone use resolvable private addresses; the strap takes a new one whenever no phone is
  connected, and every 15 minutes. The advertisement holds flags and the UUID of the APDU service,
  the scan response the brand's name. Nothing in them tells one strap from another.
- One phone is served at a time. Another one is disconnected with reason 14 (low resources); a
  connection that is not a bonded phone's after 45 seconds is ended.
- Nothing that crosses the link is secret by the link's own protection alone: what concerns cards
  and PIN is encrypted end to end between the secure element and the phone or the token service.

"""

FRAMES = """## Frames

Each service of ours carries *messages* in *frames*. A frame is one write without response to the
service's first characteristic, or one notification of its second; it has at most MTU - 3 bytes, and
never more than {frame_max}. Services are independent of each other. All numbers are unsigned and
big-endian.

| frame | bytes | sent by |
|---|---|---|
| HELLO | `{HELLO:02x}` session(1) version(1) window(1) epoch(8) crc(4) | phone |
| WELCOME | `{WELCOME:02x}` session(1) version(1) window(1) epoch(8) last(4) crc(4) | strap |
| FIRST | `{FIRST:02x}` session(1) sequence(1) ack(1) header(12) body... | both |
| MORE | `{MORE:02x}` session(1) sequence(1) ack(1) body... | both |
| ACK | `{ACK:02x}` session(1) ack(1) window(1) | both |
| GAP | `{GAP:02x}` session(1) ack(1) window(1) | both |
| BROKEN | `{BROKEN:02x}` session(1) reason(1) | both |

- `version` is {version}. `crc` is CRC-32 (polynomial 04C11DB7, reflected, initial value and final
  XOR FFFFFFFF) over the bytes of the frame before it. A HELLO or WELCOME that does not fit it, and
  any frame of unknown kind, wrong length or another session, is dropped without an answer.
- `sequence` counts FIRST and MORE frames of one direction from 0, modulo 256. `ack` is the sequence
  number that the sender expects next from the other end; everything before it has arrived.
- `window` says how many frames from `ack` on may be under way, 0 to {window_max}. Ours is {window}.
- A frame is taken only if it is the expected one. A later one is answered by GAP, once until the
  expected one comes; an earlier one by ACK. After a GAP everything from `ack` on is sent again.
- An end acknowledges at least every {ack_every} frames and when a message is complete. For a
  request, a RESUME or an answer it may wait {ack_delay} ms, since what it sends next carries `ack`.
- What is not acknowledged after {retry} ms is sent again, one frame at a time and after twice the
  time up to {retry_max} ms; after {tries} attempts the session is BROKEN.

### Messages

A message is cut into one FIRST and as many MORE frames as it needs. Its header is

| header | bytes |
|---|---|
| kind | 1 |
| id | 4 |
| length | 3, of the body, at most {body_max} |
| crc | 4, CRC-32 over epoch(8), kind, id, length and body |

| kind | | sent by | body |
|---|---|---|---|
| `{REQUEST:02x}` | REQUEST | phone | what is asked |
| `{ANSWER:02x}` | ANSWER | strap | the answer, with the request's id |
| `{REFUSED:02x}` | REFUSED | strap | in place of an answer: a reason in UTF-8 |
| `{NEWS:02x}` | NEWS | strap | what is told unasked; ids count from 1 in each epoch |
| `{RESUME:02x}` | RESUME | phone | none: what became of the request with this id? |
| `{VERDICT:02x}` | VERDICT | strap | one byte: {fates} |

Whoever receives a message that does not fit its CRC, a FIRST inside a message, a MORE outside of
one or a length above the limit answers BROKEN and drops what it has. Reasons: {reasons}.

### Sessions and epochs

- After it has subscribed, the phone begins a session on a service by HELLO. Sessions count from 1
  to 255 and round, anew with each connection; a HELLO counts if its session is newer than the
  present one (1 to 127 steps ahead). The strap answers WELCOME; sequence numbers of both directions
  begin at 0. A HELLO is sent again after {hello_retry} ms, then later, up to {hello_tries} times.
- After BROKEN, sent or received, the phone begins the next session. A frame without a session is
  answered by BROKEN with reason {NO_SESSION:02x}.
- An epoch is 8 bytes that the strap makes when it starts, when what its requests go to was reset
  (reason {STARTED_OVER:02x} ends the session), when a phone's HELLO names another epoch than the
  present one, and when another phone is served than before. A phone without a past names zeros. A
  new epoch drops whatever was half done; for the APDU service the secure element's wired interface
  is reset.
- The phone numbers its requests upwards within an epoch, above `last` of the WELCOME, and has one
  without an answer at a time. The strap carries a number out once, at most, and keeps the last
  answer. A number above the last one is new; the last one again is answered again; an older one is
  answered by VERDICT `02`. While one request runs, a new one is REFUSED and not carried out.
- A phone whose request has no answer after a new session in the same epoch sends the request again
  if its id is above `last`, else RESUME. In another epoch nobody knows what became of it: it is not
  sent again by itself. It also sends RESUME every {poll} ms while it waits.
- News that are not acknowledged when a session ends are sent again in the next session of the same
  connection; a phone drops news with an id that it has had. News for a phone that is not connected
  are not sent: a concern that has to tell them later does so when its phone is there again.
- A strap holds one message in pieces for each service and up to {queue} messages that wait.

"""


def page() -> str:
    """Return the whole page."""
    from wristlet.links.bonds import BONDS_MAX
    from wristlet.strap.comparison import PATIENCE_MS

    numbers = {
        **{kind.name: int(kind) for kind in (*FrameKind, *MessageKind, *Reason)},
        "frame_max": frames.FRAME_MAX,
        "version": frames.VERSION,
        "window_max": frames.WINDOW_MAX,
        "window": stream.WINDOW,
        "ack_every": stream.ACK_EVERY,
        "ack_delay": stream.ACK_DELAY_MS,
        "retry": stream.RETRY_FIRST_MS,
        "retry_max": stream.RETRY_MAX_MS,
        "tries": stream.TRIES_MAX,
        "queue": stream.QUEUE_MAX,
        "body_max": f"{frames.BODY_MAX:,}",
        "hello_retry": phone_end.HELLO_RETRY_MS,
        "hello_tries": phone_end.HELLO_TRIES,
        "poll": phone_end.POLL_MS,
        "fates": ", ".join(f"`{one:02x}` {words(one.name)}" for one in Fate),
        "reasons": ", ".join(f"`{one:02x}` {words(one.name)}" for one in Reason),
    }
    parts = [HEAD.format(patience=PATIENCE_MS // 1000, bonds=BONDS_MAX), services()]
    parts += [FRAMES.format(**numbers), vectors(), content()]
    return "".join(parts)


def words(name: str) -> str:
    """Return a name of the code as words."""
    return name.lower().replace("_", " ")


def services() -> str:
    """Return the tables of services and characteristics."""
    lines = ["## Services", ""]
    for service in SERVICES:
        lines += [f"### {service.name}", "", f"`{service.uuid}` {service.purpose}{number(service)}"]
        lines += ["", "| characteristic | UUID | properties | value |", "|---|---|---|---|"]
        for one in service.characteristics:
            can = ", ".join(word for prop, word in PROPERTY_WORDS.items() if prop in one.properties)
            lines.append(f"| {one.name} | `{one.uuid}` | {can} | {one.value} |")
        lines.append("")
    lines += ["All of them: encrypted, authenticated by a confirmed bond.", "", ""]
    return "\n".join(lines)


def number(service: Service) -> str:
    """Name the concern's number where there is one."""
    return "" if service.concern is None else f" Concern {service.concern:02x}."


CONTENT = """
## What the messages say

| service | request and answer |
|---|---|
{apdu}
| Messages | [messages.md](messages.md) |
| Activity | [activity-log.md](activity-log.md) |
| State, Time, Settings | below |
{enrolment}

State, Time and Settings are laid out alike:

    message  version(1) = 01 | kind(1) | field | field | ...
    field    tag(1) | length(1, or FF and 2 bytes from 255 on) | value

Fields stand in ascending order of their tags, a list is the same tag several times. A field whose
value is the one in "left out means" is left out. Integers are big-endian without leading zeros,
zero has no bytes. A reader passes over a tag from 80 on that it does not know and refuses any
other. There is one encoding of each message.

"""

APDU = (
    "| APDU | a command APDU, its response APDU (ISO/IEC 7816-4), short or extended; the strap"
    " itself answers 6985 to what needs a touch: the first enrolment, the card switch and the wrist"
    " in plain, and every logical channel but the basic one |"
)
ENROLMENT = (
    "| Enrolment | `{offer:02x}` and the phone's public point (65 bytes), answered by the strap's"
    " commitment (32); `{reveal:02x}` and the phone's random number (16), answered by the strap's"
    " (16), which then shows six digits; `{pick:02x}` for invitations. What they are for:"
    " [phone-protocol.md](phone-protocol.md) |"
)


def content() -> str:
    """Return what the strap's own concerns say, with known answers."""
    families = (state, time, settings)
    listed = [getattr(one, name, None) for one in families for name in FAMILIES]
    pick = invitation.ASK_NAME[0]
    enrolment = ENROLMENT.format(offer=PAIR_OFFER, reveal=PAIR_REVEAL, pick=pick)
    text = CONTENT.format(apdu=APDU, enrolment=enrolment)
    text += tables([family for family in listed if family is not None])
    known = json.loads(BODY.read_text(encoding="utf-8"))["messages"]
    lines = ["", "## Known answers", "", "With their values: `vectors/strap/body.json`.", ""]
    lines += ["| | message | bytes |", "|---|---|---|"]
    lines += [f"| {one['family']} | {one['name']} | `{one['hex']}` |" for one in known]
    return text.rstrip() + "\n" + "\n".join(lines) + "\n"


def vectors() -> str:
    """Return the worked exchanges."""
    content: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
    lines = [
        "## Worked exchanges",
        "",
        f"Every byte that crosses, from `vectors/strap/frames.json`: {content['origin']}..",
        "",
    ]
    for case in content["cases"]:
        lines += [f"### {case['name'].capitalize()}", "", f"{case['text']} MTU {case['mtu']}.", ""]
        lines += ["| from | frame | |", "|---|---|---|"]
        for step in case["frames"]:
            frame = f"`{step['frame']}`" if "frame" in step else ""
            lines.append(f"| {step.get('from', '')} | {frame} | {step['note']} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
