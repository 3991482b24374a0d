"""What holds for all tests."""

from hypothesis import settings

# A busy machine makes an example slow, not wrong; tests as a whole have a time limit.
settings.register_profile("parcelscope", deadline=None)
settings.load_profile("parcelscope")
