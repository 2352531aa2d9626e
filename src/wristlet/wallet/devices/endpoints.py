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
    DeviceOrder,
    DeviceOrderStep,
    FinishVerification,
    LeaseReportAccepted,
    LeaseReportSubmit,
    PairDevice,
    Phone,
    PhoneCertificate,
    PhoneList,
    PinState,
    PinStatementSubmit,
    RenameDevice,
    StartFurtherPhone,
    StartPinReset,
    StartVerification,
)
from wristlet.wallet.api import LIMIT, Operation, Query, Who
from wristlet.wallet.devices.order_service import OrderService
from wristlet.wallet.devices.phonebook import Phonebook
from wristlet.wallet.devices.service import DeviceService

_ONE = "/v1/devices/{device_id}"
_TSP = ("token_service_unavailable", "token_service_failed")


def operations(
    devices: DeviceService, phonebook: Phonebook, orders: OrderService
) -> tuple[Operation, ...]:
    """Declare them."""
    return (
        *_pairing(devices),
        *_phones(phonebook),
        *_losing(devices),
        *_reporting(devices),
        *_ordering(orders),
        *_proving(orders),
    )


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
            "device_rename",
            "devices",
            "POST",
            f"{_ONE}/rename",
            "Give a strap another name",
            lambda call: devices.rename(call.actor, call.path["device_id"], call.body),
            Device,
            body=RenameDevice,
            errors=("clear_digits_refused",),
        ),
    )


def _phones(phonebook: Phonebook) -> tuple[Operation, ...]:
    return (
        Operation(
            "phone_certify",
            "devices",
            "POST",
            f"{_ONE}/phones",
            "Certify a phone's key for a strap",
            lambda call: phonebook.certify(call.actor, call.path["device_id"], call.body),
            PhoneCertificate,
            Who.WEARER,
            CertifyPhone,
            status=HTTPStatus.CREATED,
            errors=("device_lost", "phone_revoked", "clear_digits_refused"),
        ),
        Operation(
            "phone_list",
            "devices",
            "GET",
            f"{_ONE}/phones",
            "List the phones that were certified for a strap",
            lambda call: phonebook.list(call.actor, call.path["device_id"]),
            PhoneList,
        ),
        Operation(
            "phone_revoke",
            "devices",
            "POST",
            f"{_ONE}/phones/{{phone_id}}/revoke",
            "Note that a phone is no longer one of the strap's",
            lambda call: phonebook.revoke(
                call.actor, call.path["device_id"], call.path["phone_id"], call.body
            ),
            Phone,
            body=ChangeReason,
            errors=("clear_digits_refused",),
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
            "pin_statement_submit",
            "devices",
            "POST",
            f"{_ONE}/pin-statements",
            "Pass the secure element's word about its PIN on to the token service",
            lambda call: devices.submit_pin_statement(
                call.actor, call.path["device_id"], call.body
            ),
            PinState,
            body=PinStatementSubmit,
            errors=("receipt_mismatch", "device_busy", *_TSP),
        ),
        Operation(
            "device_refresh",
            "devices",
            "POST",
            f"{_ONE}/refresh",
            "Ask the token service for all that it decided by itself about a strap's cards",
            lambda call: devices.refresh(call.actor, call.path["device_id"]),
            Device,
            errors=("device_busy", *_TSP),
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


def _ordering(orders: OrderService) -> tuple[Operation, ...]:
    errors = ("device_lost", "action_not_allowed", *_TSP)
    return (
        Operation(
            "pin_reset_start",
            "devices",
            "POST",
            f"{_ONE}/pin-reset",
            "Begin a PIN reset, which needs a proof of identity",
            lambda call: orders.start_pin_reset(call.actor, call.path["device_id"], call.body),
            DeviceOrder,
            Who.WEARER,
            StartPinReset,
            status=HTTPStatus.CREATED,
            errors=errors,
        ),
        Operation(
            "further_phone_start",
            "devices",
            "POST",
            f"{_ONE}/further-phone",
            "Begin to put a phone onto a strap's list, which needs a proof of identity",
            lambda call: orders.start_further_phone(call.actor, call.path["device_id"], call.body),
            DeviceOrder,
            Who.WEARER,
            StartFurtherPhone,
            status=HTTPStatus.CREATED,
            errors=("phone_revoked", "clear_digits_refused", *errors),
        ),
    )


def _proving(orders: OrderService) -> tuple[Operation, ...]:
    one = f"{_ONE}/orders/{{order_id}}"
    return (
        Operation(
            "device_order_get",
            "devices",
            "GET",
            one,
            "Fetch how far a PIN reset or a further phone is",
            lambda call: orders.get(call.actor, call.path["device_id"], call.path["order_id"]),
            DeviceOrder,
            errors=_TSP,
        ),
        Operation(
            "device_order_verify",
            "devices",
            "POST",
            f"{one}/verification",
            "Have a one-time code sent for an order",
            lambda call: orders.send_code(
                call.actor, call.path["device_id"], call.path["order_id"], call.body
            ),
            DeviceOrderStep,
            Who.WEARER,
            StartVerification,
            errors=("action_not_allowed", *_TSP),
        ),
        Operation(
            "device_order_confirm",
            "devices",
            "POST",
            f"{one}/verification/confirm",
            "Have the wearer's code for an order checked",
            lambda call: orders.confirm(
                call.actor, call.path["device_id"], call.path["order_id"], call.body
            ),
            DeviceOrderStep,
            Who.WEARER,
            FinishVerification,
            errors=("action_not_allowed", "clear_digits_refused", "device_busy", *_TSP),
        ),
    )
