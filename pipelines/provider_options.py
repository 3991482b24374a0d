"""The options by which a command is told what the models run on."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from parcelscope.inference.providers import ProviderChoice

Provider = Literal["auto", "tensorrt", "cuda", "openvino", "cpu"]
Precision = Literal["fp32", "bf16", "fp16"]

ProviderOption = Annotated[
    Provider,
    typer.Option(
        help="What the models run on: `auto` takes the first that is there and passes its"
        " self-test, a name takes that one or refuses."
    ),
]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(
        help="Numbers to compute with: fp32 or bf16 with openvino, fp16 or fp32 with tensorrt."
    ),
]


def provider_choice(
    provider: Provider, precision: Precision | None, *, test_cpu: bool = False
) -> "ProviderChoice":
    """What was asked for, with the user's folder for what a provider builds."""
    from parcelscope.inference.providers import ProviderChoice, default_cache

    return ProviderChoice(
        asked=provider, precision=precision, cache=default_cache(), test_cpu=test_cpu
    )
