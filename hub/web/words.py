"""What the console calls the things it shows. The words are keys of the catalogues."""

from __future__ import annotations

from hub.domain.changes import ChangeKind, PlanState
from hub.domain.documents import DocumentState, Step
from hub.domain.invoices import InvoiceKind
from hub.domain.matches import MatchOutcome
from hub.domain.orders import OrderStatus
from hub.status.connections import State
from hub.store.breakers import BreakerState
from hub.store.connections import Happening
from hub.store.incidents import IncidentEventKind
from hub.web.speech import N_

STATES = {
    DocumentState.ARRIVED: N_("Waiting"),
    DocumentState.ROUTED: N_("On its way"),
    DocumentState.DELIVERED: N_("Delivered"),
    DocumentState.SET_ASIDE: N_("Stopped"),
    DocumentState.DISMISSED: N_("Dismissed"),
}

VERDICTS = {"valid": N_("Valid"), "invalid": N_("Invalid"), "not_judged": N_("Not judged")}

KINDS = {InvoiceKind.INVOICE: N_("Invoice"), InvoiceKind.CREDIT_NOTE: N_("Credit note")}

CONNECTION_STATES = {
    State.BROKEN: N_("Broken"),
    State.REFUSED: N_("Refused"),
    State.FAILING: N_("Failing"),
    State.HELD: N_("Held"),
    State.LEFT: N_("Something is left"),
    State.RETRYING: N_("Retrying"),
    State.LATE: N_("Late"),
    State.SUSPICIOUS: N_("Suspicious"),
    State.PAUSED: N_("Paused"),
    State.UNKNOWN: N_("Unknown"),
    State.NEW: N_("New"),
    State.OK: N_("Works"),
}

STEPS = {
    Step.ARRIVED: N_("Arrived; the bytes are kept"),
    Step.SEEN_AGAIN: N_("The same message came again"),
    Step.JUDGED: N_("Judged by the rules"),
    Step.READ: N_("Read"),
    Step.ROUTED: N_("Recipient found"),
    Step.DELIVERING: N_("Delivery begun"),
    Step.RETRYING: N_("The delivery will be tried again"),
    Step.DELIVERED: N_("Delivered; the receipt is kept"),
    Step.SET_ASIDE: N_("Stopped and set aside"),
    Step.REPLAYED: N_("Queued again"),
    Step.DISMISSED: N_("Dismissed"),
    Step.FAILED: N_("Failed"),
}

HAPPENINGS = {
    Happening.ARRIVED: N_("Documents arrived"),
    Happening.DELIVERED: N_("Documents delivered"),
    Happening.SET_ASIDE: N_("Documents set aside"),
    Happening.APPLIED: N_("Changes made"),
    Happening.UNAVAILABLE: N_("Could not be reached"),
    Happening.REFUSED: N_("Refused us"),
    Happening.REJECTED: N_("What it gave was rejected as a whole"),
    Happening.BUG: N_("A fault in the hub or the plugin"),
    Happening.RECOVERED: N_("Answers again"),
    Happening.LEFT: N_("A document is left for a person"),
    Happening.SUSPICIOUS: N_("Not what is usual"),
    Happening.STRANDED: N_("Queued again: no work was left to take it further"),
    Happening.CHECKED: N_("Checked"),
    Happening.PAUSED: N_("Paused by a person"),
    Happening.RESUMED: N_("Resumed by a person"),
}

OUTCOMES = {
    "succeeded": N_("Succeeded"),
    "suspicious": N_("Succeeded, suspicious"),
    "nothing": N_("Nothing waited"),
    "unavailable": N_("Could not be reached"),
    "refused": N_("Refused us"),
    "rejected": N_("Rejected"),
    "failed": N_("Failed"),
    "interrupted": N_("Interrupted: its process died"),
}

CAUSES = {"schedule": N_("By the schedule"), "person": N_("By a person"), "message": N_("By a message")}

COUNTS = {
    "listed": N_("listed"),
    "landed": N_("new"),
    "known": N_("seen before"),
    "later": N_("left for the next time"),
    "left": N_("left for a person"),
    "unconfirmed": N_("not confirmed to the source"),
    "flaws": N_("at fault"),
    "held": N_("held by the target before"),
    "creates": N_("to add"),
    "updates": N_("to change"),
    "removals": N_("to remove"),
    "unchanged": N_("unchanged"),
    "applied": N_("changes made"),
    "rejected": N_("not accepted by the target"),
}

PULLED = {"orders": N_("Orders"), "suppliers": N_("Suppliers"), "ledger": N_("Accounts payable")}

PULL_COUNTS = {
    "new": N_("new"),
    "changed": N_("changed"),
    "same": N_("as before"),
    "left": N_("set aside"),
}

MATCHES = {
    MatchOutcome.MATCHED: N_("Fits its order"),
    MatchOutcome.PARTLY: N_("Fits its order in part"),
    MatchOutcome.UNMATCHED: N_("Fits no order"),
}

ORDER_STATUSES = {
    OrderStatus.OPEN: N_("Goods may still come"),
    OrderStatus.FINISHED: N_("Finished"),
    OrderStatus.STOPPED: N_("Stopped in the purchasing system"),
    OrderStatus.UNKNOWN: N_("Unknown"),
}

ORDER_FIELDS = {
    "supplier": N_("Supplier"),
    "status": N_("State"),
    "ordered_on": N_("Ordered"),
    "currency": N_("Currency"),
    "responsible": N_("Responsible"),
    "external_reference": N_("Reference"),
    "contract": N_("Contract"),
    "number": N_("Line"),
    "product": N_("Item"),
    "description": N_("What"),
    "quantity": N_("Quantity"),
    "unit": N_("Measure"),
    "unit_price": N_("Price"),
    "amount": N_("Amount"),
    "invoiced": N_("Invoiced"),
    "delivered": N_("Delivered quantity"),
    "delivery_date": N_("Delivery date"),
    "account": N_("Account"),
    "tax_code": N_("Tax code"),
}

RUN_STAGES = {
    "land": N_("landing"),
    "read": N_("reading"),
    "plan": N_("planning"),
    "apply": N_("applying"),
    "done": N_("its end"),
}

DOUBTS = {
    "sum": N_("The sums"),
    "documents": N_("Documents"),
    "bytes": N_("Amount of data"),
    "seconds": N_("Time taken"),
    "removals": N_("Share of removals"),
    "unexplained": N_("Documents without proof"),
}

WORK_STATES = {
    "waiting": N_("waits"),
    "behind": N_("waits for what comes before it"),
    "dispatched": N_("handed out"),
    "running": N_("runs"),
    "done": N_("done"),
    "dead": N_("given up"),
    "cancelled": N_("cancelled"),
}

ATTEMPTS = {
    "done": N_("done"),
    "failed": N_("did not succeed"),
    "unsettled": N_("its end could not be written down"),
    "dead": N_("given up"),
    "lost": N_("lost: the worker vanished"),
    "cancelled": N_("cancelled"),
    "interrupted": N_("interrupted"),
    "handed_back": N_("handed back"),
}

WORKS = {
    "fetch": N_("Ask a source"),
    "handle": N_("Judge and plan a document"),
    "deliver": N_("Deliver"),
    "tidy": N_("Tidy up"),
    "reconcile": N_("Compare the books"),
    "replay": N_("Run again"),
    "rehearse": N_("Rehearse a replay"),
    "watch": N_("Watch the connections"),
    "tell": N_("Send a message"),
    "repair": N_("Check a repair"),
    "plan": N_("Plan an extract"),
    "apply": N_("Carry out a plan"),
    "pull": N_("Pull records from a source"),
    "match": N_("Compare invoices with orders"),
}

HELD_BECAUSE = {"paused": N_("paused by a person"), "refused": N_("refused us"), "plan": N_("a plan waits")}

BREAKERS = {
    BreakerState.CLOSED: N_("closed: all calls go through"),
    BreakerState.OPEN: N_("open: too many failures"),
    BreakerState.HALF: N_("trying again"),
}

LANES = {"judging": N_("Judging"), "house": N_("The hub's own chores")}

LAYERS = {
    "xml": N_("The file itself (XML)"),
    "format": N_("The format"),
    "xsd": N_("The structure (XSD)"),
    "rules": N_("The rules"),
    "en16931": N_("The European standard EN 16931"),
    "peppol": N_("Peppol BIS Billing 3"),
    "peppol-selfbilling": N_("Peppol BIS Self-Billing 3"),
    "svefaktura": N_("Svefaktura 1.0"),
    "city": N_("The city's own checks"),
}

LAYER_OUTCOMES = {"passed": N_("passed"), "failed": N_("failed"), "skipped": N_("skipped")}

SEVERITIES = {"fatal": N_("Error"), "warning": N_("Warning"), "information": N_("Information")}

STAGES = {
    "rules": N_("when it was judged by the rules"),
    "record": N_("when the record was read"),
    "extract": N_("when the extract was read"),
    "city": N_("in the city's own checks"),
    "plan": N_("when its delivery was planned"),
    "target": N_("by the receiving system"),
    "work": N_("while the hub worked on it"),
}

FORMATS = {
    "peppol-bis-3": N_("Peppol BIS Billing 3"),
    "peppol-bis-3-selfbilling": N_("Peppol BIS Self-Billing 3"),
    "svefaktura-1.0": N_("Svefaktura 1.0"),
    "ubl-other": N_("UBL, unknown specification"),
}

PAYMENT_KINDS = {
    "bankgiro": N_("Bankgiro"),
    "plusgiro": N_("Plusgiro"),
    "iban": N_("IBAN"),
    "account": N_("Account"),
    "card": N_("Card"),
    "direct_debit": N_("Direct debit"),
    "": N_("Reference"),
}

PLAN_STATES = {
    PlanState.MAKING: N_("Being made"),
    PlanState.PROPOSED: N_("Proposed"),
    PlanState.HELD: N_("Waits for approval"),
    PlanState.APPROVED: N_("Approved"),
    PlanState.APPLYING: N_("Being carried out"),
    PlanState.APPLIED: N_("Carried out"),
    PlanState.REFUSED: N_("Turned down"),
    PlanState.STALE: N_("Out of date"),
    PlanState.SUPERSEDED: N_("Replaced by a later plan"),
}

PLAN_PARTS = {
    "create": N_("Additions"),
    "update": N_("Changes"),
    "remove": N_("Removals"),
    "set_aside": N_("Would be set aside"),
    "unchanged": N_("Unchanged"),
}

CHANGE_KINDS = {ChangeKind.CREATE: N_("Add"), ChangeKind.UPDATE: N_("Change"), ChangeKind.REMOVE: N_("Remove")}

CHANGE_OUTCOMES = {
    "left": N_("Not done"),
    "applied": N_("Done"),
    "rejected": N_("Not accepted by the target"),
    "set_aside": N_("Would be set aside"),
}

STOPS = {
    "INCOMPLETE": N_("Ask the source for a whole extract. Until then nothing is removed; look through the rest below."),
    "EMPTY": N_("An extract without records is nearly always a fault at the source. Have it mended first."),
    "TARGET-EMPTY": N_("Find out whether the target was emptied, or is the wrong one. Approved, all is created anew."),
    "REMOVALS": N_("Look through the removals below. Approve if they are right; else turn the plan down."),
    "CHANGES": N_("Look through the changes below. Many at once are often one field that the source writes anew."),
}

DECISIONS = {"approve": N_("approved the plan:"), "refuse": N_("turned the plan down:")}

DEEDS = {
    "check": N_("checked it"),
    "pause": N_("paused it"),
    "resume": N_("let it go on"),
    "close_breaker": N_("closed the circuit breaker"),
    "run": N_("asked it for documents"),
    "normal": N_("called it normal"),
    "cancel": N_("cancelled it"),
}

INCIDENT_EVENTS = {
    IncidentEventKind.OPENED: N_("The incident opened"),
    IncidentEventKind.JOINED: N_("A connection joined it:"),
    IncidentEventKind.REOPENED: N_("It came back, and the incident is open again"),
    IncidentEventKind.TOLD: N_("Message sent:"),
    IncidentEventKind.UNTOLD: N_("A message could not be sent:"),
    IncidentEventKind.REPAIR_BEGUN: N_("Repair begun"),
    IncidentEventKind.REPAIR_CHECKED: N_("Checked"),
    IncidentEventKind.REPAIR_RELEASED: N_("What waited was let go"),
    IncidentEventKind.REPAIR_REPLAYED: N_("What was set aside was run again:"),
    IncidentEventKind.REPAIR_ENDED: N_("Repair ended"),
    IncidentEventKind.CLOSED: N_("The incident closed"),
}

TOLD = {"opened": N_("that it opened"), "closed": N_("that it closed")}

MEASURES = {
    "C62": N_("pcs"),
    "EA": N_("pcs"),
    "H87": N_("pcs"),
    "HUR": N_("h"),
    "DAY": N_("days"),
    "MON": N_("months"),
    "KGM": N_("kg"),
    "LTR": N_("litres"),
    "MTR": N_("m"),
    "MTK": N_("m²"),
    "KMT": N_("km"),
    "KWH": N_("kWh"),
}
"""Units of measure as people write them (UN/ECE recommendation 20, those that invoices to the city use most)."""
