"""RoomR: a room seen in order, then shuffled, to be put back in order (AI2-THOR's rearrangement task, in words)."""
