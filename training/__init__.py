"""Episodes into weights."""
