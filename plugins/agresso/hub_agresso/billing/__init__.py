"""What connecting local contracts is billed for: a list of events, carried into Agresso as sales orders.

Each event is one order, known in Agresso by the mark and the event's own reference; that reference is asked for
before anything is handed in, so that none is billed twice. What an earlier try began is waited for as
`hub_agresso.writing` tells, and never handed in again in the same plan.
"""

BILLING = "billing"
