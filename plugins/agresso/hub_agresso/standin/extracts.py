"""Extracts as Agresso would leave them in a folder."""

from __future__ import annotations

import csv
import io

from hub_agresso.standin.filters import value_at
from hub_agresso.standin.soap import ORDER_TEMPLATE, TEMPLATES
from hub_agresso.standin.web_api import Agresso, flat


def order_lines(agresso: Agresso) -> str:
    """All order lines as a file: the template's columns first, one row to a line, and how many they are."""
    _, columns, _ = TEMPLATES[ORDER_TEMPLATE]
    told = io.StringIO()
    writer = csv.writer(told, delimiter=";", lineterminator="\n")
    writer.writerow(name for name, _, _ in columns)
    rows = [row for order in agresso.city.each_order() for row in flat(order)]
    writer.writerows([value_at(row, path) for _, path, _ in columns] for row in rows)
    return f"{told.getvalue()}#ROWS;{len(rows)}\n"
