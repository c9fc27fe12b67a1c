"""The benchmark: the whole walk beside two peers that record nothing, in paired rounds on one private broker."""
