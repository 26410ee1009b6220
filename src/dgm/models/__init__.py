"""Models that more than one lecture uses, one file each."""
