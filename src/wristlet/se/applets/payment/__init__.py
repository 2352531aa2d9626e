"""The payment applet: one instance per token, products of kernel 2 and kernel 3."""

from __future__ import annotations

from wristlet.se.applets.payment.applet import APPLETS, PaymentApplet

__all__ = ["APPLETS", "PaymentApplet"]
