"""What a detector is: the bundle format, decoding of raw outputs, and the networks (torch)."""
