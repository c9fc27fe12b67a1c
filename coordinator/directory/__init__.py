"""The directory file and the county outlines: parsing only, from text to the nouns of the model."""
