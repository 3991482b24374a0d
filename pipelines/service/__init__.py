"""The scoring service: runs by HTTP, single parcels within a latency budget, metrics."""
