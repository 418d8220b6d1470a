"""Our own questions and databases, in InterCode-SQL's layout."""
