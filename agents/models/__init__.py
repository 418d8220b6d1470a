"""What agents think with: endpoints, servers, in-process checkpoints, scripts."""
