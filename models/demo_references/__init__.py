"""Genuine references that `parcelscope demo` compares photos with; see `make demo-references`."""
