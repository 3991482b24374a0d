"""Configuration files that ship with parcelscope."""
