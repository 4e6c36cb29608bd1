"""How each connection fares, told from what happened and never set by hand."""
