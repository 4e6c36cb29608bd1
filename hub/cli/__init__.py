"""The command line, one file per noun. `hub.program` joins them to `hub`.

Exit codes: 0 fine, 1 findings, 2 usage or settings, 3 could not judge.
"""
