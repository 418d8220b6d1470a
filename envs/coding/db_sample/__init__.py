"""Our own tables and requests, in the layout of AgentBench's DB task."""
