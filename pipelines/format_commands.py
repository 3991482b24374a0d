"""`parcelscope feed formats`: in which formats scans are read here."""


def formats() -> None:
    """Print the formats that scans are read in, those of plug-ins included."""
    from parcelscope.datasets.scan_formats import BUILT_IN
    from parcelscope.datasets.scan_plugins import plugins

    rows = [(one.name, " ".join(one.suffixes), "built in") for one in BUILT_IN]
    for plugin in plugins():
        endings = "" if plugin.format is None else " ".join(plugin.format.suffixes)
        said = plugin.package if plugin.fault is None else f"{plugin.package}: {plugin.fault}"
        rows.append((plugin.name, endings, said))
    for name, endings, said in rows:
        print(f"{name:<12}{endings:<20}{said}")
