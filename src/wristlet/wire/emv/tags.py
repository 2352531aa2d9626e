"""The tags that kernels, PPSE, registry and DE 55 use: number, name, format, source.

Constants carry their number. `TAGS` is the whole table. Formats are those of EMV:
a, an, ans (text), b (binary), cn (digits padded with F at the right), n (digits
padded with 0 at the left).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

FORMATS: Final = ("a", "an", "ans", "b", "cn", "n")

ISSUER_IDENTIFICATION_NUMBER_42: Final = 0x42
ADF_NAME_4F: Final = 0x4F
APPLICATION_LABEL_50: Final = 0x50
TRACK_2_57: Final = 0x57
PAN_5A: Final = 0x5A
TAG_LIST_5C: Final = 0x5C
APPLICATION_TEMPLATE_61: Final = 0x61
FCI_TEMPLATE_6F: Final = 0x6F
RECORD_TEMPLATE_70: Final = 0x70
ISSUER_SCRIPT_TEMPLATE_1_71: Final = 0x71
ISSUER_SCRIPT_TEMPLATE_2_72: Final = 0x72
DIRECTORY_DISCRETIONARY_TEMPLATE_73: Final = 0x73
RESPONSE_TEMPLATE_2_77: Final = 0x77
RESPONSE_TEMPLATE_1_80: Final = 0x80
AMOUNT_AUTHORISED_BINARY_81: Final = 0x81
AIP_82: Final = 0x82
COMMAND_TEMPLATE_83: Final = 0x83
DF_NAME_84: Final = 0x84
ISSUER_SCRIPT_COMMAND_86: Final = 0x86
APPLICATION_PRIORITY_INDICATOR_87: Final = 0x87
SFI_88: Final = 0x88
AUTHORISATION_CODE_89: Final = 0x89
AUTHORISATION_RESPONSE_CODE_8A: Final = 0x8A
CDOL1_8C: Final = 0x8C
CDOL2_8D: Final = 0x8D
CVM_LIST_8E: Final = 0x8E
CA_PUBLIC_KEY_INDEX_8F: Final = 0x8F
ISSUER_PUBLIC_KEY_CERTIFICATE_90: Final = 0x90
ISSUER_AUTHENTICATION_DATA_91: Final = 0x91
ISSUER_PUBLIC_KEY_REMAINDER_92: Final = 0x92
SIGNED_STATIC_APPLICATION_DATA_93: Final = 0x93
AFL_94: Final = 0x94
TVR_95: Final = 0x95
TDOL_97: Final = 0x97
TC_HASH_98: Final = 0x98
TRANSACTION_DATE_9A: Final = 0x9A
TSI_9B: Final = 0x9B
TRANSACTION_TYPE_9C: Final = 0x9C
DDF_NAME_9D: Final = 0x9D
FCI_PROPRIETARY_TEMPLATE_A5: Final = 0xA5
FCI_ISSUER_DISCRETIONARY_DATA_BF0C: Final = 0xBF0C
CARDHOLDER_NAME_5F20: Final = 0x5F20
APPLICATION_EXPIRATION_DATE_5F24: Final = 0x5F24
APPLICATION_EFFECTIVE_DATE_5F25: Final = 0x5F25
ISSUER_COUNTRY_CODE_5F28: Final = 0x5F28
TRANSACTION_CURRENCY_CODE_5F2A: Final = 0x5F2A
LANGUAGE_PREFERENCE_5F2D: Final = 0x5F2D
SERVICE_CODE_5F30: Final = 0x5F30
PAN_SEQUENCE_NUMBER_5F34: Final = 0x5F34
TRANSACTION_CURRENCY_EXPONENT_5F36: Final = 0x5F36
ISSUER_URL_5F50: Final = 0x5F50
ISSUER_COUNTRY_ALPHA2_5F55: Final = 0x5F55
ACQUIRER_IDENTIFIER_9F01: Final = 0x9F01
AMOUNT_AUTHORISED_9F02: Final = 0x9F02
AMOUNT_OTHER_9F03: Final = 0x9F03
AMOUNT_OTHER_BINARY_9F04: Final = 0x9F04
APPLICATION_DISCRETIONARY_DATA_9F05: Final = 0x9F05
TERMINAL_AID_9F06: Final = 0x9F06
APPLICATION_USAGE_CONTROL_9F07: Final = 0x9F07
APPLICATION_VERSION_NUMBER_CARD_9F08: Final = 0x9F08
APPLICATION_VERSION_NUMBER_TERMINAL_9F09: Final = 0x9F09
IAC_DEFAULT_9F0D: Final = 0x9F0D
IAC_DENIAL_9F0E: Final = 0x9F0E
IAC_ONLINE_9F0F: Final = 0x9F0F
ISSUER_APPLICATION_DATA_9F10: Final = 0x9F10
ISSUER_CODE_TABLE_INDEX_9F11: Final = 0x9F11
APPLICATION_PREFERRED_NAME_9F12: Final = 0x9F12
LAST_ONLINE_ATC_9F13: Final = 0x9F13
LOWER_CONSECUTIVE_OFFLINE_LIMIT_9F14: Final = 0x9F14
MERCHANT_CATEGORY_CODE_9F15: Final = 0x9F15
MERCHANT_IDENTIFIER_9F16: Final = 0x9F16
PIN_TRY_COUNTER_9F17: Final = 0x9F17
TOKEN_REQUESTOR_ID_9F19: Final = 0x9F19
TERMINAL_COUNTRY_CODE_9F1A: Final = 0x9F1A
TERMINAL_FLOOR_LIMIT_9F1B: Final = 0x9F1B
TERMINAL_IDENTIFICATION_9F1C: Final = 0x9F1C
TERMINAL_RISK_MANAGEMENT_DATA_9F1D: Final = 0x9F1D
IFD_SERIAL_NUMBER_9F1E: Final = 0x9F1E
TRACK_1_DISCRETIONARY_DATA_9F1F: Final = 0x9F1F
TRACK_2_DISCRETIONARY_DATA_9F20: Final = 0x9F20
TRANSACTION_TIME_9F21: Final = 0x9F21
CA_PUBLIC_KEY_INDEX_TERMINAL_9F22: Final = 0x9F22
UPPER_CONSECUTIVE_OFFLINE_LIMIT_9F23: Final = 0x9F23
PAYMENT_ACCOUNT_REFERENCE_9F24: Final = 0x9F24
LAST_FOUR_DIGITS_OF_PAN_9F25: Final = 0x9F25
APPLICATION_CRYPTOGRAM_9F26: Final = 0x9F26
CRYPTOGRAM_INFORMATION_DATA_9F27: Final = 0x9F27
EXTENDED_SELECTION_9F29: Final = 0x9F29
KERNEL_IDENTIFIER_9F2A: Final = 0x9F2A
ISSUER_PUBLIC_KEY_EXPONENT_9F32: Final = 0x9F32
TERMINAL_CAPABILITIES_9F33: Final = 0x9F33
CVM_RESULTS_9F34: Final = 0x9F34
TERMINAL_TYPE_9F35: Final = 0x9F35
ATC_9F36: Final = 0x9F36
UNPREDICTABLE_NUMBER_9F37: Final = 0x9F37
PDOL_9F38: Final = 0x9F38
POS_ENTRY_MODE_9F39: Final = 0x9F39
ADDITIONAL_TERMINAL_CAPABILITIES_9F40: Final = 0x9F40
TRANSACTION_SEQUENCE_COUNTER_9F41: Final = 0x9F41
APPLICATION_CURRENCY_CODE_9F42: Final = 0x9F42
APPLICATION_CURRENCY_EXPONENT_9F44: Final = 0x9F44
DATA_AUTHENTICATION_CODE_9F45: Final = 0x9F45
ICC_PUBLIC_KEY_CERTIFICATE_9F46: Final = 0x9F46
ICC_PUBLIC_KEY_EXPONENT_9F47: Final = 0x9F47
ICC_PUBLIC_KEY_REMAINDER_9F48: Final = 0x9F48
DDOL_9F49: Final = 0x9F49
SDA_TAG_LIST_9F4A: Final = 0x9F4A
SIGNED_DYNAMIC_APPLICATION_DATA_9F4B: Final = 0x9F4B
ICC_DYNAMIC_NUMBER_9F4C: Final = 0x9F4C
LOG_ENTRY_9F4D: Final = 0x9F4D
MERCHANT_NAME_AND_LOCATION_9F4E: Final = 0x9F4E
LOG_FORMAT_9F4F: Final = 0x9F4F
TRANSACTION_CATEGORY_CODE_9F53: Final = 0x9F53
AVAILABLE_OFFLINE_SPENDING_AMOUNT_9F5D: Final = 0x9F5D
TTQ_9F66: Final = 0x9F66
CARD_AUTHENTICATION_RELATED_DATA_9F69: Final = 0x9F69
TRACK_2_DATA_9F6B: Final = 0x9F6B
CTQ_9F6C: Final = 0x9F6C
FORM_FACTOR_INDICATOR_9F6E: Final = 0x9F6E
LIFE_CYCLE_STATE_9F70: Final = 0x9F70
CUSTOMER_EXCLUSIVE_DATA_9F7C: Final = 0x9F7C
MOBILE_SUPPORT_INDICATOR_9F7E: Final = 0x9F7E
POS_CARDHOLDER_INTERACTION_DF4B: Final = 0xDF4B
INITIAL_CONTACTLESS_STATE_DF60: Final = 0xDF60
KEY_INDEX_DF70: Final = 0xDF70
OWN_DATA_AUTHENTICATION_CODE_DF71: Final = 0xDF71
NO_CVM_TAPS_MAX_DF72: Final = 0xDF72
NO_CVM_SUM_MAX_DF73: Final = 0xDF73
PRODUCT_FLAGS_DF74: Final = 0xDF74

_BOOK1: Final = "EMV 4.3 Book 1, Annex B"
_BOOK3: Final = "EMV 4.3 Book 3, Annex A"
_BOOK_A: Final = "EMV Contactless Book A, Terminal Transaction Qualifiers"
_BOOK_B: Final = "EMV Contactless Book B, Annex A"
_BOOK_C2: Final = "EMV Contactless Book C-2, Annex A"
_BOOK_C3: Final = "EMV Contactless Book C-3, Annex A"
_TOKENISATION: Final = "EMV Payment Tokenisation Specification, data objects"
_AMENDMENT_C: Final = "GPCS Amendment C, GET STATUS response"
_ISO: Final = "ISO/IEC 7816-4, tag list"
_OWN: Final = "wristlet, personalisation data"


@dataclass(frozen=True, slots=True)
class TagInfo:
    """What is known of a tag."""

    tag: int
    name: str
    format: str
    source: str


TAGS: Final[Mapping[int, TagInfo]] = MappingProxyType(
    {
        info.tag: info
        for info in (
            TagInfo(ISSUER_IDENTIFICATION_NUMBER_42, "Issuer Identification Number", "n", _BOOK3),
            TagInfo(ADF_NAME_4F, "Application Dedicated File (ADF) Name", "b", _BOOK1),
            TagInfo(APPLICATION_LABEL_50, "Application Label", "ans", _BOOK1),
            TagInfo(TRACK_2_57, "Track 2 Equivalent Data", "b", _BOOK3),
            TagInfo(PAN_5A, "Application Primary Account Number (PAN)", "cn", _BOOK3),
            TagInfo(TAG_LIST_5C, "Tag List", "b", _ISO),
            TagInfo(APPLICATION_TEMPLATE_61, "Application Template", "b", _BOOK1),
            TagInfo(FCI_TEMPLATE_6F, "File Control Information (FCI) Template", "b", _BOOK1),
            TagInfo(RECORD_TEMPLATE_70, "READ RECORD Response Message Template", "b", _BOOK3),
            TagInfo(ISSUER_SCRIPT_TEMPLATE_1_71, "Issuer Script Template 1", "b", _BOOK3),
            TagInfo(ISSUER_SCRIPT_TEMPLATE_2_72, "Issuer Script Template 2", "b", _BOOK3),
            TagInfo(
                DIRECTORY_DISCRETIONARY_TEMPLATE_73, "Directory Discretionary Template", "b", _BOOK1
            ),
            TagInfo(RESPONSE_TEMPLATE_2_77, "Response Message Template Format 2", "b", _BOOK3),
            TagInfo(RESPONSE_TEMPLATE_1_80, "Response Message Template Format 1", "b", _BOOK3),
            TagInfo(AMOUNT_AUTHORISED_BINARY_81, "Amount, Authorised (Binary)", "b", _BOOK3),
            TagInfo(AIP_82, "Application Interchange Profile", "b", _BOOK3),
            TagInfo(COMMAND_TEMPLATE_83, "Command Template", "b", _BOOK3),
            TagInfo(DF_NAME_84, "Dedicated File (DF) Name", "b", _BOOK1),
            TagInfo(ISSUER_SCRIPT_COMMAND_86, "Issuer Script Command", "b", _BOOK3),
            TagInfo(
                APPLICATION_PRIORITY_INDICATOR_87, "Application Priority Indicator", "b", _BOOK1
            ),
            TagInfo(SFI_88, "Short File Identifier (SFI)", "b", _BOOK1),
            TagInfo(AUTHORISATION_CODE_89, "Authorisation Code", "an", _BOOK3),
            TagInfo(AUTHORISATION_RESPONSE_CODE_8A, "Authorisation Response Code", "an", _BOOK3),
            TagInfo(CDOL1_8C, "Card Risk Management Data Object List 1 (CDOL1)", "b", _BOOK3),
            TagInfo(CDOL2_8D, "Card Risk Management Data Object List 2 (CDOL2)", "b", _BOOK3),
            TagInfo(CVM_LIST_8E, "Cardholder Verification Method (CVM) List", "b", _BOOK3),
            TagInfo(
                CA_PUBLIC_KEY_INDEX_8F, "Certification Authority Public Key Index", "b", _BOOK3
            ),
            TagInfo(ISSUER_PUBLIC_KEY_CERTIFICATE_90, "Issuer Public Key Certificate", "b", _BOOK3),
            TagInfo(ISSUER_AUTHENTICATION_DATA_91, "Issuer Authentication Data", "b", _BOOK3),
            TagInfo(ISSUER_PUBLIC_KEY_REMAINDER_92, "Issuer Public Key Remainder", "b", _BOOK3),
            TagInfo(
                SIGNED_STATIC_APPLICATION_DATA_93, "Signed Static Application Data", "b", _BOOK3
            ),
            TagInfo(AFL_94, "Application File Locator (AFL)", "b", _BOOK3),
            TagInfo(TVR_95, "Terminal Verification Results", "b", _BOOK3),
            TagInfo(TDOL_97, "Transaction Certificate Data Object List (TDOL)", "b", _BOOK3),
            TagInfo(TC_HASH_98, "Transaction Certificate (TC) Hash Value", "b", _BOOK3),
            TagInfo(TRANSACTION_DATE_9A, "Transaction Date", "n", _BOOK3),
            TagInfo(TSI_9B, "Transaction Status Information", "b", _BOOK3),
            TagInfo(TRANSACTION_TYPE_9C, "Transaction Type", "n", _BOOK3),
            TagInfo(DDF_NAME_9D, "Directory Definition File (DDF) Name", "b", _BOOK1),
            TagInfo(FCI_PROPRIETARY_TEMPLATE_A5, "FCI Proprietary Template", "b", _BOOK1),
            TagInfo(
                FCI_ISSUER_DISCRETIONARY_DATA_BF0C, "FCI Issuer Discretionary Data", "b", _BOOK1
            ),
            TagInfo(CARDHOLDER_NAME_5F20, "Cardholder Name", "ans", _BOOK3),
            TagInfo(APPLICATION_EXPIRATION_DATE_5F24, "Application Expiration Date", "n", _BOOK3),
            TagInfo(APPLICATION_EFFECTIVE_DATE_5F25, "Application Effective Date", "n", _BOOK3),
            TagInfo(ISSUER_COUNTRY_CODE_5F28, "Issuer Country Code", "n", _BOOK3),
            TagInfo(TRANSACTION_CURRENCY_CODE_5F2A, "Transaction Currency Code", "n", _BOOK3),
            TagInfo(LANGUAGE_PREFERENCE_5F2D, "Language Preference", "an", _BOOK1),
            TagInfo(SERVICE_CODE_5F30, "Service Code", "n", _BOOK3),
            TagInfo(PAN_SEQUENCE_NUMBER_5F34, "Application PAN Sequence Number", "n", _BOOK3),
            TagInfo(
                TRANSACTION_CURRENCY_EXPONENT_5F36, "Transaction Currency Exponent", "n", _BOOK3
            ),
            TagInfo(ISSUER_URL_5F50, "Issuer URL", "ans", _BOOK3),
            TagInfo(ISSUER_COUNTRY_ALPHA2_5F55, "Issuer Country Code (alpha2 format)", "a", _BOOK3),
            TagInfo(ACQUIRER_IDENTIFIER_9F01, "Acquirer Identifier", "n", _BOOK3),
            TagInfo(AMOUNT_AUTHORISED_9F02, "Amount, Authorised (Numeric)", "n", _BOOK3),
            TagInfo(AMOUNT_OTHER_9F03, "Amount, Other (Numeric)", "n", _BOOK3),
            TagInfo(AMOUNT_OTHER_BINARY_9F04, "Amount, Other (Binary)", "b", _BOOK3),
            TagInfo(
                APPLICATION_DISCRETIONARY_DATA_9F05, "Application Discretionary Data", "b", _BOOK3
            ),
            TagInfo(TERMINAL_AID_9F06, "Application Identifier (AID) - terminal", "b", _BOOK3),
            TagInfo(APPLICATION_USAGE_CONTROL_9F07, "Application Usage Control", "b", _BOOK3),
            TagInfo(
                APPLICATION_VERSION_NUMBER_CARD_9F08,
                "Application Version Number (card)",
                "b",
                _BOOK3,
            ),
            TagInfo(
                APPLICATION_VERSION_NUMBER_TERMINAL_9F09,
                "Application Version Number (terminal)",
                "b",
                _BOOK3,
            ),
            TagInfo(IAC_DEFAULT_9F0D, "Issuer Action Code - Default", "b", _BOOK3),
            TagInfo(IAC_DENIAL_9F0E, "Issuer Action Code - Denial", "b", _BOOK3),
            TagInfo(IAC_ONLINE_9F0F, "Issuer Action Code - Online", "b", _BOOK3),
            TagInfo(ISSUER_APPLICATION_DATA_9F10, "Issuer Application Data", "b", _BOOK3),
            TagInfo(ISSUER_CODE_TABLE_INDEX_9F11, "Issuer Code Table Index", "n", _BOOK1),
            TagInfo(APPLICATION_PREFERRED_NAME_9F12, "Application Preferred Name", "ans", _BOOK1),
            TagInfo(
                LAST_ONLINE_ATC_9F13,
                "Last Online Application Transaction Counter (ATC) Register",
                "b",
                _BOOK3,
            ),
            TagInfo(
                LOWER_CONSECUTIVE_OFFLINE_LIMIT_9F14, "Lower Consecutive Offline Limit", "b", _BOOK3
            ),
            TagInfo(MERCHANT_CATEGORY_CODE_9F15, "Merchant Category Code", "n", _BOOK3),
            TagInfo(MERCHANT_IDENTIFIER_9F16, "Merchant Identifier", "ans", _BOOK3),
            TagInfo(
                PIN_TRY_COUNTER_9F17,
                "Personal Identification Number (PIN) Try Counter",
                "b",
                _BOOK3,
            ),
            TagInfo(TOKEN_REQUESTOR_ID_9F19, "Token Requestor ID", "n", _TOKENISATION),
            TagInfo(TERMINAL_COUNTRY_CODE_9F1A, "Terminal Country Code", "n", _BOOK3),
            TagInfo(TERMINAL_FLOOR_LIMIT_9F1B, "Terminal Floor Limit", "b", _BOOK3),
            TagInfo(TERMINAL_IDENTIFICATION_9F1C, "Terminal Identification", "an", _BOOK3),
            TagInfo(
                TERMINAL_RISK_MANAGEMENT_DATA_9F1D, "Terminal Risk Management Data", "b", _BOOK3
            ),
            TagInfo(IFD_SERIAL_NUMBER_9F1E, "Interface Device (IFD) Serial Number", "an", _BOOK3),
            TagInfo(TRACK_1_DISCRETIONARY_DATA_9F1F, "Track 1 Discretionary Data", "ans", _BOOK3),
            TagInfo(TRACK_2_DISCRETIONARY_DATA_9F20, "Track 2 Discretionary Data", "cn", _BOOK3),
            TagInfo(TRANSACTION_TIME_9F21, "Transaction Time", "n", _BOOK3),
            TagInfo(
                CA_PUBLIC_KEY_INDEX_TERMINAL_9F22,
                "Certification Authority Public Key Index (terminal)",
                "b",
                _BOOK3,
            ),
            TagInfo(
                UPPER_CONSECUTIVE_OFFLINE_LIMIT_9F23, "Upper Consecutive Offline Limit", "b", _BOOK3
            ),
            TagInfo(
                PAYMENT_ACCOUNT_REFERENCE_9F24,
                "Payment Account Reference (PAR)",
                "an",
                _TOKENISATION,
            ),
            TagInfo(LAST_FOUR_DIGITS_OF_PAN_9F25, "Last 4 Digits of PAN", "n", _TOKENISATION),
            TagInfo(APPLICATION_CRYPTOGRAM_9F26, "Application Cryptogram", "b", _BOOK3),
            TagInfo(CRYPTOGRAM_INFORMATION_DATA_9F27, "Cryptogram Information Data", "b", _BOOK3),
            TagInfo(EXTENDED_SELECTION_9F29, "Extended Selection", "b", _BOOK_B),
            TagInfo(KERNEL_IDENTIFIER_9F2A, "Kernel Identifier", "b", _BOOK_B),
            TagInfo(ISSUER_PUBLIC_KEY_EXPONENT_9F32, "Issuer Public Key Exponent", "b", _BOOK3),
            TagInfo(TERMINAL_CAPABILITIES_9F33, "Terminal Capabilities", "b", _BOOK3),
            TagInfo(CVM_RESULTS_9F34, "Cardholder Verification Method (CVM) Results", "b", _BOOK3),
            TagInfo(TERMINAL_TYPE_9F35, "Terminal Type", "n", _BOOK3),
            TagInfo(ATC_9F36, "Application Transaction Counter (ATC)", "b", _BOOK3),
            TagInfo(UNPREDICTABLE_NUMBER_9F37, "Unpredictable Number", "b", _BOOK3),
            TagInfo(PDOL_9F38, "Processing Options Data Object List (PDOL)", "b", _BOOK3),
            TagInfo(POS_ENTRY_MODE_9F39, "Point-of-Service (POS) Entry Mode", "n", _BOOK3),
            TagInfo(
                ADDITIONAL_TERMINAL_CAPABILITIES_9F40,
                "Additional Terminal Capabilities",
                "b",
                _BOOK3,
            ),
            TagInfo(TRANSACTION_SEQUENCE_COUNTER_9F41, "Transaction Sequence Counter", "n", _BOOK3),
            TagInfo(APPLICATION_CURRENCY_CODE_9F42, "Application Currency Code", "n", _BOOK3),
            TagInfo(
                APPLICATION_CURRENCY_EXPONENT_9F44, "Application Currency Exponent", "n", _BOOK3
            ),
            TagInfo(DATA_AUTHENTICATION_CODE_9F45, "Data Authentication Code", "b", _BOOK3),
            TagInfo(ICC_PUBLIC_KEY_CERTIFICATE_9F46, "ICC Public Key Certificate", "b", _BOOK3),
            TagInfo(ICC_PUBLIC_KEY_EXPONENT_9F47, "ICC Public Key Exponent", "b", _BOOK3),
            TagInfo(ICC_PUBLIC_KEY_REMAINDER_9F48, "ICC Public Key Remainder", "b", _BOOK3),
            TagInfo(DDOL_9F49, "Dynamic Data Authentication Data Object List (DDOL)", "b", _BOOK3),
            TagInfo(SDA_TAG_LIST_9F4A, "Static Data Authentication Tag List", "b", _BOOK3),
            TagInfo(
                SIGNED_DYNAMIC_APPLICATION_DATA_9F4B, "Signed Dynamic Application Data", "b", _BOOK3
            ),
            TagInfo(ICC_DYNAMIC_NUMBER_9F4C, "ICC Dynamic Number", "b", _BOOK3),
            TagInfo(LOG_ENTRY_9F4D, "Log Entry", "b", _BOOK3),
            TagInfo(MERCHANT_NAME_AND_LOCATION_9F4E, "Merchant Name and Location", "ans", _BOOK3),
            TagInfo(LOG_FORMAT_9F4F, "Log Format", "b", _BOOK3),
            TagInfo(TRANSACTION_CATEGORY_CODE_9F53, "Transaction Category Code", "an", _BOOK_C2),
            TagInfo(
                AVAILABLE_OFFLINE_SPENDING_AMOUNT_9F5D,
                "Available Offline Spending Amount",
                "n",
                _BOOK_C3,
            ),
            TagInfo(TTQ_9F66, "Terminal Transaction Qualifiers (TTQ)", "b", _BOOK_A),
            TagInfo(
                CARD_AUTHENTICATION_RELATED_DATA_9F69,
                "Card Authentication Related Data",
                "b",
                _BOOK_C3,
            ),
            TagInfo(TRACK_2_DATA_9F6B, "Track 2 Data", "b", _BOOK_C2),
            TagInfo(CTQ_9F6C, "Card Transaction Qualifiers (CTQ)", "b", _BOOK_C3),
            TagInfo(
                FORM_FACTOR_INDICATOR_9F6E,
                "Form Factor Indicator (kernel 3), Third Party Data (kernel 2)",
                "b",
                _BOOK_C3,
            ),
            TagInfo(LIFE_CYCLE_STATE_9F70, "Application Life Cycle State", "b", _AMENDMENT_C),
            TagInfo(CUSTOMER_EXCLUSIVE_DATA_9F7C, "Customer Exclusive Data", "b", _BOOK_C3),
            TagInfo(MOBILE_SUPPORT_INDICATOR_9F7E, "Mobile Support Indicator", "b", _BOOK_C2),
            TagInfo(
                POS_CARDHOLDER_INTERACTION_DF4B,
                "POS Cardholder Interaction Information",
                "b",
                _BOOK_C2,
            ),
            TagInfo(
                INITIAL_CONTACTLESS_STATE_DF60,
                "Initial contactless state of an instance",
                "b",
                _OWN,
            ),
            TagInfo(KEY_INDEX_DF70, "Index of the issuer master key", "b", _OWN),
            TagInfo(
                OWN_DATA_AUTHENTICATION_CODE_DF71,
                "Data authentication code of the product",
                "b",
                _OWN,
            ),
            TagInfo(NO_CVM_TAPS_MAX_DF72, "Taps allowed without verification", "b", _OWN),
            TagInfo(NO_CVM_SUM_MAX_DF73, "Sum allowed without verification", "b", _OWN),
            TagInfo(PRODUCT_FLAGS_DF74, "Flags of the product", "b", _OWN),
        )
    }
)


def name_of(tag: int) -> str:
    """Return the name of a tag, or its number if it is unknown."""
    info = TAGS.get(tag)
    return f"tag {tag:02X}" if info is None else info.name


def format_of(tag: int) -> str:
    """Return the format of a tag; unknown ones are binary."""
    info = TAGS.get(tag)
    return "b" if info is None else info.format
