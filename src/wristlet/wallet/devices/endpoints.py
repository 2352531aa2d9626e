"""The operations on straps."""

from __future__ import annotations

from http import HTTPStatus

from wristlet.model.wallet_messages import (
    ActiveCard,
    Card,
    CertifyPhone,
    ChangeReason,
    Device,
    DeviceList,
    LeaseReportAccepted,
    LeaseReportSubmit,
    PairDevice,
    PhoneCertificate,
)
from wristlet.wallet.api import LIMIT, Operation, Query, Who
from wristlet.wallet.devices.service import DeviceService

_ONE = "/v1/devices/{device_id}"
_TSP = ("token_service_unavailable", "token_service_failed")


def operations(devices: DeviceService) -> tuple[Operation, ...]:
    """Declare them."""
    return (*_pairing(devices), *_losing(devices), *_reporting(devices))


def _pairing(devices: DeviceService) -> tuple[Operation, ...]:
    return (
        Operation(
            "device_pair",
            "devices",
            "POST",
            "/v1/devices",
            "Register a strap's secure element",
            lambda call: devices.pair(call.actor, call.body),
            Device,
            Who.WEARER,
            PairDevice,
            status=HTTPStatus.CREATED,
            errors=("device_taken", "clear_digits_refused", *_TSP),
        ),
        Operation(
            "device_list",
            "devices",
            "GET",
            "/v1/devices",
            "List straps",
            lambda call: devices.list(call.actor, call.query["after"], call.query["limit"]),
            DeviceList,
            query=(Query("after", str, "The last device id of the page before.", ""), LIMIT),
        ),
        Operation(
            "device_get",
            "devices",
            "GET",
            _ONE,
            "Fetch a strap",
            lambda call: devices.get(call.actor, call.path["device_id"]),
            Device,
        ),
        Operation(
            "phone_certify",
            "devices",
            "POST",
            f"{_ONE}/phones",
            "Certify a phone's key for a strap",
            lambda call: devices.certify_phone(call.actor, call.path["device_id"], call.body),
            PhoneCertificate,
            Who.WEARER,
            CertifyPhone,
            status=HTTPStatus.CREATED,
            errors=("device_lost",),
        ),
    )


def _losing(devices: DeviceService) -> tuple[Operation, ...]:
    return (
        Operation(
            "device_lose",
            "devices",
            "POST",
            f"{_ONE}/lost",
            "Mark a strap lost and suspend all its cards",
            lambda call: devices.mark_lost(call.actor, call.path["device_id"], call.body),
            Device,
            body=ChangeReason,
            errors=("clear_digits_refused", "device_busy", *_TSP),
        ),
        Operation(
            "device_find",
            "devices",
            "POST",
            f"{_ONE}/found",
            "Take back what marking the strap lost did, and only that",
            lambda call: devices.mark_found(call.actor, call.path["device_id"], call.body),
            Device,
            body=ChangeReason,
            errors=("clear_digits_refused", "device_busy", *_TSP),
        ),
    )


def _reporting(devices: DeviceService) -> tuple[Operation, ...]:
    return (
        Operation(
            "lease_report_submit",
            "devices",
            "POST",
            f"{_ONE}/lease-reports",
            "Pass a signed lease report on to the token service",
            lambda call: devices.submit_lease_report(call.actor, call.path["device_id"], call.body),
            LeaseReportAccepted,
            body=LeaseReportSubmit,
            errors=("receipt_mismatch", "device_busy", *_TSP),
        ),
        Operation(
            "active_card_report",
            "devices",
            "POST",
            f"{_ONE}/active-card",
            "Tell which card the wearer chose on the strap",
            lambda call: devices.report_active_card(call.actor, call.path["device_id"], call.body),
            Card,
            body=ActiveCard,
            errors=("action_not_allowed",),
        ),
    )
