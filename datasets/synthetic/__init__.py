"""The synthetic feed: tables, scans and photos of invented parcels, with what is true of them."""
