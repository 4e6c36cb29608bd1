"""The pages, one file per noun; each has a `router`."""
