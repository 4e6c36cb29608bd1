"""Rows of the accounts payable: what was bought, of whom, on which account.

The columns are those of *Specifikation för leverantörsreskontra* 1.1 (MetaSolutions AB in Sambruk's project REF DATA,
lankadedata.se): one row for each posting, the first nine mandatory.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One posting of one purchase; `amount` without VAT, in Swedish kronor, negative for a credit.

    `number` tells several rows of one voucher apart.
    """

    buyer_id: str
    buyer: str
    voucher: str
    supplier: str
    supplier_id: str
    account: str
    account_name: str
    amount: Decimal
    booked_on: date
    unit: str = ""
    invoice_number: str = ""
    ground: str = ""
    contract: str = ""
    municipality: str = ""
    s_code: str = ""
    number: int = 1
