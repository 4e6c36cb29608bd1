"""Where work is carried out. An executor knows machines; the scheduler knows connections."""
