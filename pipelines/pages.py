"""How pages are made: templates beside this file, every text escaped, nothing fetched."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def page_environment() -> Environment:
    """The templates of all pages."""
    # Manifest text is hostile: whatever is not marked safe is escaped, and nothing is marked safe.
    environment: Environment = Environment(
        loader=PackageLoader("parcelscope.pipelines", package_path=""),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment
