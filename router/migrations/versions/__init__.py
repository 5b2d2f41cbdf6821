"""One module per change of the schema. Changes only add, so that a process of before can go on beside its successor."""
