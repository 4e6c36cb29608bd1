"""The door: all that a plugin may know of the hub.

`hookspecs` say what a plugin may present, `connector` describes what it can speak to, `ports` are the verbs the
hub calls, `errors` the three ways a call may fail, `http` and `files` the seams to the world outside.
"""

from hub.plugin.hookspecs import ENTRY_POINTS, PROJECT, hookimpl

__all__ = ["ENTRY_POINTS", "PROJECT", "hookimpl"]
