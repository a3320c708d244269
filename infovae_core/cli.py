"""The command line: train an experiment, see what is stored, show one run.

What only reads stays quick: PyTorch is loaded by the commands that train or measure.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from infovae_core.datasets import DATASETS
from infovae_core.refusal import Refusal
from infovae_core.run import PRECISIONS, Run
from infovae_core.study import experiments
from infovae_core.study.experiments import EXPERIMENTS, LATENT_DIMS, PROFILES, TRACKS
from infovae_core.study.parameters import integers
from infovae_core.study.store import Store, StoreError, default_root

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


ExperimentArgument = Annotated[str, typer.Argument(help=f"One of {', '.join(EXPERIMENTS)}.")]
ProfileOption = Annotated[str, typer.Option(help=f"One of {', '.join(PROFILES)}.")]
TrackOption = Annotated[str, typer.Option(help=f"One of {', '.join(TRACKS)}.")]
SeedsOption = Annotated[str, typer.Option(help="Seeds, between commas.")]
LatentDimsOption = Annotated[
    str, typer.Option(help=f"Latent dimensions; by default the profile's: {LATENT_DIMS}.")
]
DataOption = Annotated[
    str, typer.Option(help=f"One of {', '.join(DATASETS)}; by default the profile's.")
]
PrecisionOption = Annotated[str, typer.Option(help=f"One of {', '.join(PRECISIONS)}.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1, …")]
StoreOption = Annotated[
    Path | None, typer.Option(help="Folder of the results; by default the profile's.")
]
RootOption = Annotated[
    Path | None, typer.Option(help="Folder of the data set; by default $INFOVAE_DATA, the cache.")
]


def select(
    experiment: str,
    profile: str,
    track: str,
    seeds: str,
    latent_dims: str,
    data_set: str,
    precision: str,
) -> list[Run]:
    """The runs that the options name."""
    return experiments.runs(
        experiment,
        profile=profile,
        track=track,
        seeds=integers("--seeds", seeds),
        latent_dims=integers("--latent-dims", latent_dims) if latent_dims else None,
        data=data_set or None,
        precision=precision,
    )


@app.command()
def run(
    experiment: ExperimentArgument,
    profile: ProfileOption = "cpu",
    track: TrackOption = "as_written",
    seeds: SeedsOption = "0",
    latent_dims: LatentDimsOption = "",
    data: DataOption = "",
    precision: PrecisionOption = "fp32",
    device: DeviceOption = "auto",
    store: StoreOption = None,
    data_root: RootOption = None,
    stack: Annotated[
        int | None,
        typer.Option(min=1, help="Most runs trained side by side; by default 1 on a CPU."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Train in this many processes of this machine.")
    ] = 0,
    scheduler: Annotated[
        str | None, typer.Option(help="Train on the workers of this Dask scheduler, tcp://….")
    ] = None,
) -> None:
    """Train and store what is not stored yet."""
    from infovae_core import devices
    from infovae_core.study import grid

    runs = select(experiment, profile, track, seeds, latent_dims, data, precision)
    chosen = Store(store or default_root(profile))
    try:
        trained = grid.run_grid(
            runs,
            chosen,
            devices.resolve(device, elsewhere=scheduler is not None),
            data_root,
            stack=stack,
            workers=workers,
            scheduler=scheduler,
        )
    except KeyboardInterrupt:
        stored = sum(run in chosen for run in runs)
        typer.echo(f"\nStopped: {stored} of {len(runs)} runs are stored. The same command goes on.")
        raise typer.Exit(130) from None
    diverged = [run.name for run in runs if (r := chosen.load(run)) and r.status == "diverged"]
    typer.echo(f"{len(runs)} runs stored in {chosen.root}, {len(trained)} of them trained now.")
    for name in diverged:
        typer.echo(f"diverged: {name}")


@app.command()
def status(
    experiment: ExperimentArgument,
    profile: ProfileOption = "cpu",
    track: TrackOption = "as_written",
    seeds: SeedsOption = "0",
    latent_dims: LatentDimsOption = "",
    data: DataOption = "",
    precision: PrecisionOption = "fp32",
    store: StoreOption = None,
) -> None:
    """What is stored, and what is missing. Exits with 1 if something is."""
    runs = select(experiment, profile, track, seeds, latent_dims, data, precision)
    chosen = Store(store or default_root(profile))
    missing = 0
    for one in runs:
        result = chosen.load(one)
        missing += result is None
        typer.echo(f"{result.status if result else 'missing':9} {one.name}")
    typer.echo(f"{len(runs) - missing} of {len(runs)} runs stored in {chosen.root}.")
    if missing:
        raise typer.Exit(1)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or how it begins.")],
    store: StoreOption = None,
) -> None:
    """Print a stored result: its spec, metrics and provenance."""
    root = store or default_root("cpu")
    stored = sorted([*root.glob("*.json"), *root.glob("smoke/*.json")])
    found = [path for path in stored if path.stem.startswith(name)]
    if len(found) != 1:
        listed = "\n  ".join(path.stem for path in found or stored)
        raise StoreError(
            f"{len(found)} runs in {root} begin with {name!r}, expected one of:\n  {listed}"
        )
    typer.echo(json.dumps(json.loads(found[0].read_text("utf-8")), indent=2, ensure_ascii=False))


@app.command()
def measure(
    experiment: ExperimentArgument,
    profile: ProfileOption = "cpu",
    track: TrackOption = "as_written",
    seeds: SeedsOption = "0",
    latent_dims: LatentDimsOption = "",
    data: DataOption = "",
    precision: PrecisionOption = "fp32",
    device: DeviceOption = "auto",
    store: StoreOption = None,
    data_root: RootOption = None,
) -> None:
    """Measure stored runs anew from their cached weights, without training."""
    from infovae_core import devices
    from infovae_core.study import grid

    runs = select(experiment, profile, track, seeds, latent_dims, data, precision)
    chosen = Store(store or default_root(profile))
    done = grid.measure(runs, chosen, devices.resolve(device), data_root)
    typer.echo(f"{len(done)} of {len(runs)} runs measured anew; the others lack cached weights.")


@app.command(name="time")
def time_(
    experiment: ExperimentArgument,
    profile: ProfileOption = "cpu",
    track: TrackOption = "as_written",
    seeds: SeedsOption = "0",
    latent_dims: LatentDimsOption = "",
    data: DataOption = "",
    precision: PrecisionOption = "fp32",
    device: DeviceOption = "auto",
    store: StoreOption = None,
    data_root: RootOption = None,
) -> None:
    """Time the training steps of stored runs, taking turns, on an otherwise idle machine."""
    from infovae_core import devices
    from infovae_core.study import timing

    runs = select(experiment, profile, track, seeds, latent_dims, data, precision)
    chosen = Store(store or default_root(profile))
    done = timing.time_grid(runs, chosen, devices.resolve(device), data_root, again=True)
    typer.echo(f"{len(done)} of {len(runs)} runs timed; the others are not stored.")


def main() -> None:
    """Run the command line; a refusal is one clear message, not a traceback."""
    try:
        app()
    except (ValueError, Refusal) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None
