import numpy as np
import pytest

from parcelscope.datasets.xray.items import make_item

FORMS = {"battery_pack": 8, "vape": 8, "liquid_bottle": 8, "currency_stack": 8}


@pytest.mark.parametrize("label", FORMS)
def test_familiar_specimens_differ_in_build_and_fit_a_small_parcel(label: str) -> None:
    articles = [make_item(label, np.random.default_rng(seed)) for seed in range(60)]
    builds = {tuple(sorted({solid.material for solid in one.solids})) for one in articles}
    assert len(builds) >= FORMS[label]
    for one in articles:
        assert (one.size_mm <= (330, 230, 120)).all()
