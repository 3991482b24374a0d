"""`parcelscope bundle ...`: look at a bundle, make one, sign it, and put one in another's place."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from parcelscope.datasets.errors import BundleError, ConfigError

bundle_app = typer.Typer(
    help="Inspect, make, sign and promote model bundles.", no_args_is_help=True
)

BundlePath = Annotated[
    Path | None, typer.Argument(help="Bundle folder; the built-in one if left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
PublicKey = Annotated[
    str | None,
    typer.Option(
        help="PEM file, or base64 text, of the public key that signed it; else that of"
        " PARCELSCOPE_BUNDLE_PUBLIC_KEY."
    ),
]
Config = Annotated[
    Path | None, typer.Option(help="Screening configuration, YAML; built-in if left out.")
]
Runs = Annotated[
    Path, typer.Option(help="Folder of MLflow's SQLite file, if MLFLOW_TRACKING_URI is not set.")
]
Out = Annotated[Path, typer.Option(help="Bundle folder to write; new or empty.")]
Name = Annotated[
    str | None, typer.Option(help="Name of the new bundle; the old one's if left out.")
]
Version = Annotated[
    str | None, typer.Option(help="Its version; the old one's and a digest if left out.")
]


@bundle_app.command("inspect")
def bundle_inspect(path: BundlePath = None, as_json: AsJson = False) -> None:
    """Check every file of a bundle against its digest, and say what is in it."""
    from parcelscope.models.bundle import builtin_bundle_folder, load_bundle
    from parcelscope.models.signature import read_signature
    from parcelscope.pipelines.bundle_text import describe_bundle

    folder = builtin_bundle_folder() if path is None else path
    bundle, digest = load_bundle(folder)
    signature = read_signature(folder)
    if as_json:
        data = {
            "folder": str(folder),
            "digest": digest,
            "signature": None if signature is None else signature.model_dump(mode="json"),
            "bundle": bundle.model_dump(mode="json"),
        }
        print(json.dumps(data, indent=2, ensure_ascii=False))
        return
    for line in describe_bundle(bundle, digest, folder, signature):
        print(line)


@bundle_app.command("verify")
def bundle_verify(
    path: BundlePath = None,
    public_key: PublicKey = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Check digests, graphs, outputs on golden tensors, calibration and signature of a bundle."""
    from dataclasses import asdict

    from parcelscope.inference.verification import verify_bundle
    from parcelscope.models.bundle import builtin_bundle_folder
    from parcelscope.pipelines.bundle_text import describe_checks
    from parcelscope.screening.config import load_screening_config

    folder = builtin_bundle_folder() if path is None else path
    settings = load_screening_config(config)
    checks = verify_bundle(
        folder,
        max_alarm_share=settings.anomaly.max_p_value,
        public_key=public_key or settings.bundle_public_key,
    )
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=2, ensure_ascii=False))
    else:
        for line in describe_checks(checks):
            print(line)
    failed = sum(check.passed is False for check in checks)
    if failed:
        raise BundleError(f"{folder}: {failed} of {len(checks)} checks failed")


@bundle_app.command("build")
def bundle_build(
    out: Annotated[Path, typer.Option(help="Bundle folder to write.")],
    work: Annotated[
        Path,
        typer.Option(help="Folder for what is made on the way; a cut-off build goes on there."),
    ],
    recipe: Annotated[
        str,
        typer.Option(help="builtin (hours), quick (minutes), or the path of a YAML file."),
    ] = "builtin",
) -> None:
    """Make a whole bundle by one recipe: train, synth, screen, train risk. Needs `[train,eval]`."""
    try:
        from parcelscope.pipelines.build import build

        bundle = build(recipe, work=work, out=out)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"bundle build needs {error.name}, which is not installed;"
            " install parcelscope[cpu,train,eval]"
        ) from None
    print(f"{out}: {bundle.name} {bundle.version} with {len(bundle.detectors)} detectors")


@bundle_app.command("assemble")
def bundle_assemble(
    out: Annotated[Path, typer.Argument(help="Bundle folder to write; new or empty.")],
    part: Annotated[
        list[Path],
        typer.Option(help="Folder of a trained part or of genuine references; may be repeated."),
    ],
    base: Annotated[
        Path | None, typer.Option("--from", help="Bundle to start from; built-in if left out.")
    ] = None,
    name: Name = None,
    version: Version = None,
) -> None:
    """Make a bundle of an old one with freshly trained parts in place of its own."""
    from parcelscope.models.bundle import builtin_bundle_folder
    from parcelscope.pipelines.assemble import assemble

    start = builtin_bundle_folder() if base is None else base
    for line in assemble(out, start, part, name=name, version=version).lines(out):
        print(line)


@bundle_app.command("add-model")
def bundle_add_model(
    base: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Bundle to start from.")],
    model: Annotated[Path, typer.Argument(help="Somebody else's model, one ONNX file.")],
    detector: Annotated[str, typer.Option(help="What it is to be, such as xray.items.")],
    card: Annotated[Path, typer.Option(help="What must be known of it, YAML.")],
    out: Out,
    name: Name = None,
    version: Version = None,
    config: Config = None,
) -> None:
    """Make a bundle of an old one with somebody else's model, if it keeps the contract."""
    from parcelscope.pipelines.assemble import add_model
    from parcelscope.screening.config import load_screening_config

    made = add_model(
        out,
        base,
        model,
        card,
        detector=detector,
        max_alarm_share=load_screening_config(config).anomaly.max_p_value,
        name=name,
        version=version,
    )
    for line in made.lines(out):
        print(line)


@bundle_app.command("keygen")
def bundle_keygen(
    key: Annotated[Path, typer.Argument(help="File of the private key to write; .pub beside it.")],
) -> None:
    """Make a pair of Ed25519 keys to sign bundles with. Needs `[sign]`."""
    from parcelscope.models.signature import generate_keys

    pair = generate_keys(key)
    print(f"{pair.private_path}: private key {pair.key_id}, keep it where nothing scores")
    print(f"{pair.public_path}: public key, for whoever scores")


@bundle_app.command("sign")
def bundle_sign(
    bundle: Annotated[Path, typer.Argument(help="Bundle folder.")],
    key: Annotated[Path, typer.Option(help="Private key, as `bundle keygen` wrote it.")],
) -> None:
    """Sign a bundle: write bundle.sig beside its card. Needs `[sign]`."""
    from parcelscope.models.signature import sign_bundle

    signature = sign_bundle(bundle, key)
    print(f"{bundle}: signed by key {signature.key_id}")


@bundle_app.command("diff")
def bundle_diff(
    before: Annotated[Path, typer.Argument(help="Bundle folder.")],
    after: Annotated[Path, typer.Argument(help="The bundle to compare it with.")],
    as_json: AsJson = False,
) -> None:
    """Say what differs between two bundles: parts, thresholds, calibration, fusion, figures."""
    from dataclasses import asdict

    from parcelscope.models.bundle import load_bundle
    from parcelscope.pipelines.bundle_diff import describe_changes, diff_bundles

    changes = diff_bundles(load_bundle(before)[0], load_bundle(after)[0])
    if as_json:
        print(json.dumps([asdict(change) for change in changes], indent=2, ensure_ascii=False))
        return
    for line in describe_changes(changes):
        print(line)


@bundle_app.command("card")
def bundle_card(
    bundle: BundlePath = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the card; the bundle's own if left out.")
    ] = None,
    evaluation: Annotated[
        list[Path] | None,
        typer.Option(help="An evaluation.json of `evaluate run`; may be repeated."),
    ] = None,
) -> None:
    """Write the model card of a bundle, as Markdown and as a page."""
    from parcelscope.models.bundle import builtin_bundle_folder, load_bundle
    from parcelscope.models.signature import read_signature
    from parcelscope.pipelines.model_card import read_evaluation, write_model_card

    if bundle is None and out is None:
        raise ConfigError("bundle card: name the folder for the built-in bundle's card with --out")
    folder = builtin_bundle_folder() if bundle is None else bundle
    loaded, digest = load_bundle(folder)
    evaluations = [read_evaluation(path) for path in evaluation or []]
    for path in write_model_card(
        folder if out is None else out, loaded, digest, read_signature(folder), evaluations
    ):
        print(path)


@bundle_app.command("compare")
def bundle_compare(
    run: Annotated[Path, typer.Argument(help="Run folder of `screen --shadow`.")],
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Truth folder, as `synth feed` wrote it, or a table (Parquet or CSV) of outcomes:"
            " parcel_id or carton_id, violative."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; compare.json in the run if left out.")
    ] = None,
) -> None:
    """Compare champion and challenger on one run; with truth, say which is better."""
    from parcelscope.pipelines.bundle_compare import compare_bundles, describe_evidence

    for line in describe_evidence(compare_bundles(run, truth, out)):
        print(line)


@bundle_app.command("promote")
def bundle_promote(
    challenger: Annotated[Path, typer.Argument(help="Bundle that is to score from now on.")],
    over: Annotated[Path, typer.Option(help="The champion: the bundle that it is to replace.")],
    evidence: Annotated[Path, typer.Option(help="compare.json of the two.")],
    to: Annotated[Path, typer.Option(help="Link that screening reads; made if need be.")],
    force: Annotated[
        bool, typer.Option("--force", help="Promote without being better; needs --reason.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why, for the log.")] = None,
    by: Annotated[str | None, typer.Option(help="Who decides; this user if left out.")] = None,
    runs: Runs = Path("mlruns"),
    public_key: PublicKey = None,
    config: Config = None,
) -> None:
    """Put a challenger in the champion's place, if it is better, and record it."""
    from parcelscope.pipelines.promote import promote
    from parcelscope.screening.config import load_screening_config

    settings = load_screening_config(config)
    promoted = promote(
        challenger,
        over=over,
        evidence_path=evidence,
        target=to,
        max_alarm_share=settings.anomaly.max_p_value,
        force=force,
        reason=reason,
        by=by,
        public_key=public_key or settings.bundle_public_key,
    )
    for line in promoted.lines():
        print(line)
    try:
        from parcelscope.training.registry import register_bundle

        version = register_bundle(promoted.target.resolve(), "champion", runs=runs)
    except ConfigError as error:
        print(f"not in the model registry: {error}")
    else:
        print(f"in the model registry: version {version} is the champion")


@bundle_app.command("register")
def bundle_register(
    bundle: Annotated[Path, typer.Argument(help="Bundle folder.")],
    alias: Annotated[
        Literal["champion", "challenger"], typer.Option(help="What it is from now on.")
    ],
    runs: Runs = Path("mlruns"),
) -> None:
    """Name a bundle champion or challenger in MLflow's model registry."""
    from parcelscope.training.registry import register_bundle

    print(f"{bundle}: version {register_bundle(bundle, alias, runs=runs)} is the {alias}")
