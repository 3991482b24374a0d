"""The synthetic photo generator: genuine and altered packaging, and shipping labels."""
