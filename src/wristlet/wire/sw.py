"""Status words, and what to tell people about them.

Source: ISO/IEC 7816-4, status bytes; GPCS 2.3.1, APDU command reference; GPCS
Amendment C, CRS commands; EMV 4.3 Book 3, status bytes.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import Final


@unique
class SW(IntEnum):
    """Status words that the parts send or understand."""

    OK = 0x9000
    WARNING = 0x6200
    DATA_CORRUPTED = 0x6281
    END_OF_DATA = 0x6282
    SELECTED_LOCKED = 0x6283
    AUTHENTICATION_FAILED = 0x6300
    MORE_DATA = 0x6310
    PARTLY_DONE = 0x6320
    EXECUTION_ERROR = 0x6400
    MEMORY_FAILURE = 0x6581
    WRONG_LENGTH = 0x6700
    CHANNEL_NOT_SUPPORTED = 0x6881
    SECURE_MESSAGING_NOT_SUPPORTED = 0x6882
    LAST_OF_CHAIN_EXPECTED = 0x6883
    CHAINING_NOT_SUPPORTED = 0x6884
    COMMAND_INCOMPATIBLE = 0x6981
    SECURITY_STATUS = 0x6982
    AUTHENTICATION_BLOCKED = 0x6983
    DATA_INVALIDATED = 0x6984
    CONDITIONS_NOT_SATISFIED = 0x6985
    COMMAND_NOT_ALLOWED = 0x6986
    SECURE_MESSAGING_MISSING = 0x6987
    SECURE_MESSAGING_INCORRECT = 0x6988
    APPLET_SELECT_FAILED = 0x6999
    WRONG_DATA = 0x6A80
    FUNCTION_NOT_SUPPORTED = 0x6A81
    NOT_FOUND = 0x6A82
    RECORD_NOT_FOUND = 0x6A83
    NOT_ENOUGH_MEMORY = 0x6A84
    LENGTH_INCONSISTENT = 0x6A85
    WRONG_P1_P2 = 0x6A86
    LENGTH_INCONSISTENT_WITH_P1_P2 = 0x6A87
    REFERENCED_DATA_NOT_FOUND = 0x6A88
    ALREADY_EXISTS = 0x6A89
    WRONG_PARAMETERS = 0x6B00
    INSTRUCTION_NOT_SUPPORTED = 0x6D00
    CLASS_NOT_SUPPORTED = 0x6E00
    NO_PRECISE_DIAGNOSIS = 0x6F00
    ALGORITHM_NOT_SUPPORTED = 0x9484
    KEY_CHECK_VALUE_WRONG = 0x9485


_TEXTS: Final[dict[int, str]] = {
    SW.OK: "Done.",
    SW.WARNING: "Done with a warning that has no further detail; check the answer.",
    SW.DATA_CORRUPTED: "Part of the answer may be corrupted; read it again.",
    SW.END_OF_DATA: "The end of the data came before the length asked for; use what was returned.",
    SW.SELECTED_LOCKED: "Selected, but the card or application is locked; its owner can unlock it.",
    SW.AUTHENTICATION_FAILED: (
        "The card did not accept the cryptogram; check the key set and do not repeat blindly, "
        "each failure may count."
    ),
    SW.MORE_DATA: "More entries follow; send the same command with the next-occurrence bit.",
    SW.PARTLY_DONE: "Some of the entries could not be processed; the answer lists them.",
    SW.EXECUTION_ERROR: "The command failed and changed nothing; check state and data, then retry.",
    SW.MEMORY_FAILURE: "Writing to memory failed; read the state back before going on.",
    SW.WRONG_LENGTH: "The length of the data is wrong; compare it with what the command needs.",
    SW.CHANNEL_NOT_SUPPORTED: "This logical channel is not open; open it with MANAGE CHANNEL.",
    SW.SECURE_MESSAGING_NOT_SUPPORTED: (
        "Secure messaging is not possible here; open a secure channel to this application first."
    ),
    SW.LAST_OF_CHAIN_EXPECTED: "A command chain was broken; send it again from its first command.",
    SW.CHAINING_NOT_SUPPORTED: "Command chaining is not possible here; use an extended command.",
    SW.COMMAND_INCOMPATIBLE: "The command does not fit what is selected; select another object.",
    SW.SECURITY_STATUS: (
        "Not authorised: the secure channel is missing or was broken; open a new one."
    ),
    SW.AUTHENTICATION_BLOCKED: "No tries are left; the PIN has to be reset by the card's issuer.",
    SW.DATA_INVALIDATED: "The data referred to can no longer be used; have it renewed.",
    SW.CONDITIONS_NOT_SATISFIED: (
        "Not possible in the present state; check life cycle and the order of commands."
    ),
    SW.COMMAND_NOT_ALLOWED: (
        "The command is not allowed now; if this was a tap, unlock the device and tap again."
    ),
    SW.SECURE_MESSAGING_MISSING: "Expected secure-messaging data is missing; wrap the command.",
    SW.SECURE_MESSAGING_INCORRECT: "The secure-messaging data is wrong; open a new channel.",
    SW.APPLET_SELECT_FAILED: "The application refused to be selected; check its state.",
    SW.WRONG_DATA: "The data field has wrong contents; check tags, lengths and values.",
    SW.FUNCTION_NOT_SUPPORTED: "The function is not supported, or the card is locked.",
    SW.NOT_FOUND: "No such application or file; check the AID and that it is activated.",
    SW.RECORD_NOT_FOUND: "No such record; read only what the file locator lists.",
    SW.NOT_ENOUGH_MEMORY: "The card or the domain's quota is full; delete something first.",
    SW.LENGTH_INCONSISTENT: "The length contradicts the structure of the data; rebuild the data.",
    SW.WRONG_P1_P2: "P1 or P2 is wrong for this command.",
    SW.LENGTH_INCONSISTENT_WITH_P1_P2: "The length contradicts P1 and P2; rebuild the command.",
    SW.REFERENCED_DATA_NOT_FOUND: "No such data object, key or entry; check what is referred to.",
    SW.ALREADY_EXISTS: "An object of that name exists already; use another AID or delete it first.",
    SW.WRONG_PARAMETERS: "P1 and P2 point outside what exists.",
    SW.INSTRUCTION_NOT_SUPPORTED: "What is selected does not know this instruction; select first.",
    SW.CLASS_NOT_SUPPORTED: "What is selected does not know this class byte; select first.",
    SW.NO_PRECISE_DIAGNOSIS: "The card failed without a diagnosis; reset it and read its state.",
    SW.ALGORITHM_NOT_SUPPORTED: "The card does not know this key type or algorithm.",
    SW.KEY_CHECK_VALUE_WRONG: "The check value does not match the key; the key was not stored.",
}


def describe(sw: int) -> str:
    """Return a plain sentence for a status word and what to do about it."""
    text = _TEXTS.get(sw)
    if text is not None:
        return text
    low = sw & 0xFF
    high = sw >> 8
    if high == 0x61:
        return f"Done; fetch {low or 256} more bytes with GET RESPONSE."
    if high == 0x6C:
        return f"The expected length is wrong; repeat the command with Le {low or 256}."
    if sw & 0xFFF0 == 0x63C0:
        return f"The value did not match; {plural_tries(sw & 0x0F)} left."
    return _describe_class(high)


def tries_left(sw: int) -> int | None:
    """Return the tries left that a 63Cx (or 6983: none) reports, None for other words."""
    if sw & 0xFFF0 == 0x63C0:
        return sw & 0x0F
    return 0 if sw == SW.AUTHENTICATION_BLOCKED else None


def plural_tries(count: int) -> str:
    """Return "no tries", "1 try" or "n tries"."""
    if count == 0:
        return "no tries"
    return "1 try" if count == 1 else f"{count} tries"


_CLASSES: Final[dict[int, str]] = {
    0x62: "Done with a warning; memory is unchanged.",
    0x63: "Done with a warning; memory was changed.",
    0x64: "The command failed and changed nothing.",
    0x65: "The command failed and may have changed memory; read the state back.",
    0x66: "The card reports a security problem.",
    0x68: "A function of the class byte is not supported.",
    0x69: "The command is not allowed.",
    0x6A: "P1, P2 or the data field are wrong.",
}


def _describe_class(high: int) -> str:
    """Fall back to the class of the status word, which ISO/IEC 7816-4 fixes."""
    known = _CLASSES.get(high)
    if known is not None:
        return known
    if high == 0x90 or high >> 4 == 0x9:
        return "An application-specific status; look it up in the application's documentation."
    return "An unknown status word; log it and treat the command as failed."
