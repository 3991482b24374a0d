"""Quantities in words, as polars expressions."""

import polars as pl


def plain(number: pl.Expr, decimals: int) -> pl.Expr:
    """`number` with up to `decimals` decimals: 12.50 reads 12.5, and 12.00 reads 12."""
    return number.cast(pl.Float64).round(decimals).cast(pl.String).str.strip_suffix(".0")


def quoted(text: pl.Expr) -> pl.Expr:
    """`text` from outside as one line of a sentence: no control characters, 80 at most."""
    line = text.str.replace_all(r"[\p{C}\s]+", " ").str.strip_chars()
    return (
        pl.when(line.str.len_chars() > 80)
        .then(pl.format("{}…", line.str.slice(0, 79)))
        .otherwise(line)
    )


def grams(mass_g: pl.Expr) -> pl.Expr:
    """A mass: `850 g`, or `1.25 kg` from 1000 g up."""
    kilograms = pl.format("{} kg", plain(mass_g / 1000, 2))
    return (
        pl.when(mass_g.round() < 1000)
        .then(pl.format("{} g", plain(mass_g, 0)))
        .otherwise(kilograms)
    )


def counted(number: pl.Expr, noun: str) -> pl.Expr:
    """A whole number of things: `1 piece`, `3 pieces`."""
    return pl.format(
        "{} {}",
        plain(number, 0),
        pl.when(number == 1).then(pl.lit(noun)).otherwise(pl.lit(f"{noun}s")),
    )
