"""The agencies' contract, made from the models: a JSON Schema for each type, and examples right and wrong."""
