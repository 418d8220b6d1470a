"""IQA (IQUAD V1): a question about a kitchen that must be explored before it can be answered."""
