"""The synthetic X-ray generator: physics, goods, parcels and master cartons."""
