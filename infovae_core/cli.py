"""The command line: train an experiment, see what is stored, show one run.

What only reads stays quick: PyTorch is loaded by the commands that train or measure.
"""

import json
from collections.abc import Callable
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from infovae_core import legible
from infovae_core.refusal import Refusal, folder
from infovae_core.run import Run
from infovae_core.study import selection as selections
from infovae_core.study.experiments import EXPERIMENTS
from infovae_core.study.selection import Selection
from infovae_core.study.store import Store, StoreError, default_root

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1, …")]
StoreOption = Annotated[
    Path | None, typer.Option(help="Folder of the results; by default the profile's.")
]
RootOption = Annotated[
    Path | None, typer.Option(help="Folder of the data set; by default $INFOVAE_DATA, the cache.")
]


def selecting(command: Callable[..., None]) -> Callable[..., None]:
    """A command with an experiment and the options of `Selection` in place of its selection."""
    listed = selections.options()

    def selected(experiment: str, **given: Any) -> None:
        chosen = {one.name: given.pop(one.name) for one in listed}
        command(
            Selection(experiment, **{k: v for k, v in chosen.items() if v is not None}), **given
        )

    either = Parameter.POSITIONAL_OR_KEYWORD
    help_ = f"One of {', '.join(EXPERIMENTS)}."
    taken = [
        Parameter("experiment", either, annotation=Annotated[str, typer.Argument(help=help_)]),
        *(
            Parameter(
                one.name,
                either,
                default=None,
                annotation=Annotated[str | None, typer.Option(help=one.metadata["help"])],
            )
            for one in listed
        ),
        *list(signature(command).parameters.values())[1:],
    ]
    selected.__name__, selected.__doc__ = command.__name__, command.__doc__
    selected.__annotations__ = {one.name: one.annotation for one in taken}
    selected.__signature__ = Signature(taken)  # type: ignore[attr-defined]
    return selected


def settled(chosen: Selection, kept: Store) -> list[Run]:
    """The runs, with a word on seeds that are stored only in part where none are named."""
    named, seeds = chosen.settled(kept)
    if chosen.seeds is None and "partly" in seeds:
        typer.echo(seeds)
    return named.runs


@app.command()
@selecting
def run(
    chosen: Selection,
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

    kept = chosen.store(store)
    runs = settled(chosen, kept)
    try:
        trained = grid.run_grid(
            runs,
            kept,
            devices.resolve(device, elsewhere=scheduler is not None),
            data_root,
            stack=stack,
            workers=workers,
            scheduler=scheduler,
        )
    except KeyboardInterrupt:
        stored = sum(run in kept for run in runs)
        typer.echo(f"\nStopped: {stored} of {len(runs)} runs are stored. The same command goes on.")
        raise typer.Exit(130) from None
    diverged = [run.name for run in runs if (r := kept.load(run)) and r.status == "diverged"]
    typer.echo(f"{len(runs)} runs stored in {kept.root}, {len(trained)} of them trained now.")
    for name in diverged:
        typer.echo(f"diverged: {name}")


@app.command()
@selecting
def status(
    chosen: Selection,
    store: StoreOption = None,
) -> None:
    """What is stored, and what is missing. Exits with 1 if something is."""
    kept = chosen.store(store)
    runs = settled(chosen, kept)
    missing = 0
    for one in runs:
        result = kept.load(one)
        missing += result is None
        typer.echo(f"{result.status if result else 'missing':9} {one.name}")
    typer.echo(f"{len(runs) - missing} of {len(runs)} runs stored in {kept.root}.")
    if missing:
        raise typer.Exit(1)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or how it begins.")],
    store: StoreOption = None,
) -> None:
    """Print a stored result: its spec, metrics and provenance."""
    path = named(name, folder(store) if store else default_root("cpu"))
    typer.echo(json.dumps(json.loads(path.read_text("utf-8")), indent=2, ensure_ascii=False))


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or how it begins.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; by default the book's models.")
    ] = None,
    store: StoreOption = None,
    data_root: RootOption = None,
) -> None:
    """Write a stored run's model for the pages, in 8 bits, and check what it reconstructs."""
    from infovae_core.study import export as exports

    path = named(name, folder(store) if store else default_root("cpu"))
    run = Run.of(json.loads(path.read_text("utf-8"))["run"])
    done = exports.export(run, Store(path.parent), out or exports.FOLDER, data_root)
    typer.echo(
        f"{done.path}: {done.path.stat().st_size:,} bytes; test BCE {done.found:.3f} nats, "
        f"stored {done.stored:.3f}."
    )


def named(name: str, root: Path) -> Path:
    """The one stored result whose name begins so."""
    stored = sorted([*root.glob("*.json"), *root.glob("smoke/*.json")])
    found = [path for path in stored if path.stem.startswith(name)]
    if len(found) != 1:
        listed = "\n  ".join(path.stem for path in found or stored)
        raise StoreError(
            f"{len(found)} runs in {root} begin with {name!r}, expected one of:\n  {listed}"
        )
    return found[0]


@app.command()
@selecting
def measure(
    chosen: Selection,
    device: DeviceOption = "auto",
    store: StoreOption = None,
    data_root: RootOption = None,
) -> None:
    """Measure stored runs anew from their cached weights, without training."""
    from infovae_core import devices
    from infovae_core.study import grid

    kept = chosen.store(store)
    runs = settled(chosen, kept)
    done = grid.measure(runs, kept, devices.resolve(device), data_root)
    typer.echo(f"{len(done)} of {len(runs)} runs measured anew; the others lack cached weights.")


@app.command(name="time")
@selecting
def time_(
    chosen: Selection,
    device: DeviceOption = "auto",
    store: StoreOption = None,
    data_root: RootOption = None,
) -> None:
    """Time the training steps of stored runs, taking turns, on an otherwise idle machine."""
    from infovae_core import devices
    from infovae_core.study import timing

    kept = chosen.store(store)
    runs = settled(chosen, kept)
    done = timing.time_grid(runs, kept, devices.resolve(device), data_root, again=True)
    typer.echo(f"{len(done)} of {len(runs)} runs timed; the others are not stored.")


@app.command()
def diagnose(
    file: Annotated[
        Path, typer.Argument(help="Codes: .npy, .npz, .csv, .parquet or .safetensors, a row each.")
    ],
    mu: Annotated[
        Path | None, typer.Option(help="Means of q(z|x), in another file; with --logvar.")
    ] = None,
    logvar: Annotated[Path | None, typer.Option(help="Logarithms of its variances.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Classes, for the clusters.")] = None,
    kernel: Annotated[str, typer.Option(help="The kernel of your penalty: rbf or imq.")] = "rbf",
    bandwidth: Annotated[
        str | None,
        typer.Option(help="Its σ (rbf: a number, sqrt_d, median) or C (imq: a number, 2d); 1,2,4."),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="The minibatch it is computed on.")] = 128,
    html: Annotated[
        Path | None, typer.Option(help="Write the report to this page as well.")
    ] = None,
    device: DeviceOption = "cpu",
) -> None:
    """Hold codes of any model against the prior, and say what is the case."""
    from infovae_core.report import diagnosis

    found = diagnosis.from_files(
        file,
        {"mu": mu, "logvar": logvar, "labels": labels},
        kernel=kernel,
        bandwidth=bandwidth,
        batch_size=batch_size,
        device=device,
    )
    typer.echo(str(found))
    if html is not None:
        from infovae_core.report.figures import diagnosis_page

        typer.echo(f"\nReport written to {diagnosis_page.save(found, html, file.name)}.")


@app.command()
def figure(
    page: Annotated[str, typer.Argument(help="Name of a page, such as experiment2.")],
    name: Annotated[str, typer.Argument(metavar="FIGURE", help="Name of one of its figures.")],
    to: Annotated[
        Path | None, typer.Option(help="The file, svg, pdf or png; by default FIGURE.svg.")
    ] = None,
) -> None:
    """Draw one figure of the book alone, from the stored results."""
    from infovae_core.report import alone

    path = to or Path(f"{name}.svg")
    alone.draw(page, name, path)
    typer.echo(f"{name} of {page} is drawn in {path}.")


def main() -> None:
    """Run the command line; a refusal is one clear message, not a traceback."""
    legible.anywhere()
    try:
        app()
    except (ValueError, Refusal) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        typer.echo(
            f"error: the disk or the system refused: {error.strerror or error}{where}. Free space, "
            "or name folders that can be read and written, and give the command again",
            err=True,
        )
        raise SystemExit(2) from None
