"""The subcommands, one file a group of them."""
