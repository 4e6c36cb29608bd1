"""What the hub's own kinds of work, its own lanes and its priorities are called."""

from __future__ import annotations

FETCH, HANDLE, DELIVER, TIDY, REPLAY, REHEARSE = "fetch", "handle", "deliver", "tidy", "replay", "rehearse"
PLAN, APPLY, PULL, MATCH = "plan", "apply", "pull", "match"
WATCH, TELL, REPAIR = "watch", "tell", "repair"
RECONCILE = "reconcile"
JUDGING_LANE, HOUSE_LANE = "judging", "house"
OWN_LANES = frozenset({JUDGING_LANE, HOUSE_LANE})
"""What goes here is everybody's: no connection stands behind these lanes to be held or blamed."""

BY_HAND = 100
"""The priority of what a person asked for: it overtakes what waits."""

BY_HAND_IN_BULK = 50
"""The priority of the many that a person asked for at once: they overtake what waits, never another person."""
