"""The ``dgm`` command."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dgm.course.files import Stop


def parser() -> argparse.ArgumentParser:
    """All subcommands and their options."""
    top = argparse.ArgumentParser(
        prog="dgm", description="Deep Generative Models: an executable course"
    )
    commands = top.add_subparsers(dest="command", required=True)

    execute = commands.add_parser("execute", help="execute the book's notebooks")
    execute.add_argument(
        "notebooks", nargs="*", help="all of the book's if none is given"
    )
    _limits(execute, cell=120.0, total=300.0)
    execute.add_argument("-j", type=_count, default=2, help="notebooks at a time")

    _run(commands.add_parser("run", help="run lectures at another size"))

    record = commands.add_parser("experiments", help="record the lectures' experiments")
    record.add_argument("name", nargs="?", default="", help="slug or slug/function")
    record.add_argument(
        "--check", action="store_true", help="fail if a result is stale"
    )
    record.add_argument("-j", type=_count, default=2, help="runs at a time")

    notebooks = commands.add_parser(
        "notebooks", help="the built site's notebooks and the package they need"
    )
    notebooks.add_argument("--out", type=Path, default=Path("_build/notebooks"))

    _pdf(commands.add_parser("pdf", help="the whole book as one PDF"))
    for name, out, what in (
        ("bundle", "_build", "one archive of site, notebooks and package"),
        ("instructor", "_build/instructor", "the book with answers and hidden tests"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument(
            "--out", type=Path, default=Path(out), help="folder (%(default)s)"
        )

    bench = commands.add_parser("bench", help="measure the budgets")
    bench.add_argument(
        "notebooks",
        nargs="*",
        help="these alone; if none is given, all of the book's and its builds, and "
        "the table is kept in results/budgets.csv",
    )
    _release(commands.add_parser("release", help="make the students' problem sets"))
    _grade(commands.add_parser("grade", help="grade a folder of submissions"))
    return top


def _pdf(command: argparse.ArgumentParser) -> None:
    for name, place, what in (
        ("--site", "_build/html", "folder of the built site"),
        ("--out", "_build/pdf/deep-generative-models.pdf", "the file to write"),
    ):
        command.add_argument(
            name, type=Path, default=Path(place), help=f"{what} (%(default)s)"
        )


def _run(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Run a lecture with other parameters, or several lectures, or one for many "
        "seeds. A run that is interrupted goes on when the same command is given "
        "again, after the last cell that was saved; within a long cell nothing is "
        "saved. With other code, parameters or versions it starts from its first cell."
    )
    command.add_argument("notebooks", nargs="+", help="slugs or paths of lectures")
    command.add_argument(
        "-p",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the lecture; may be given several times",
    )
    command.add_argument("--seeds", metavar="0-9", help="one run for each seed")
    command.add_argument("--device", help="where tensors are made: cpu, cuda or mps")
    command.add_argument(
        "--out",
        type=Path,
        default=Path("_build/runs"),
        help="folder for notebooks and results (%(default)s)",
    )
    command.add_argument("-j", type=_count, default=1, help="runs at a time")
    _cluster(command)
    _run_more(command)
    _limits(command, cell=604800.0, total=604800.0)


def _cluster(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--cluster", metavar="ADDRESS", help="a Dask scheduler, tcp://host:8786"
    )


def _run_more(command: argparse.ArgumentParser) -> None:
    for name, what in (
        ("--smoke", "the lecture's smallest size"),
        ("--script", "write a plain .py instead"),
        ("--restart", "start from the first cell, whatever was saved"),
    ):
        command.add_argument(name, action="store_true", help=what)
    command.add_argument(
        "--save-every",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="of work from one checkpoint to the next (%(default)g); 0: each cell",
    )
    command.add_argument(
        "--keep",
        metavar="NAME",
        help="keep the results as results/full/NAME.json, for the scoreboard",
    )


def _release(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", nargs="*", help="all problem sets if none is given")
    command.add_argument(
        "--check",
        action="store_true",
        help="write nothing; fail if exercises/ is out of step with solutions/, or a "
        "master does not score full marks, or its stubs score any",
    )
    _unsafe(command)


def _grade(command: argparse.ArgumentParser) -> None:
    command.add_argument("master", help="the problem set: solutions/<slug>.md")
    command.add_argument("submissions", help="folder, as the platform hands it over")
    command.add_argument("--out", help="folder for marks and feedback (marks/<slug>)")
    command.add_argument("-j", type=_count, default=2, help="submissions at a time")
    _cluster(command)
    command.add_argument(
        "--list", action="store_true", help="show whose file is whose; grade nothing"
    )
    command.add_argument(
        "--memory",
        type=float,
        default=4.0,
        metavar="GB",
        help="memory of one submission (%(default)g)",
    )
    _limits(command, cell=60.0, total=300.0)
    _unsafe(command)


def _unsafe(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--unsafe",
        action="store_true",
        help="run without a sandbox: submissions can then do what you can do",
    )


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1")
    return number


def _limits(command: argparse.ArgumentParser, cell: float, total: float) -> None:
    for name, seconds, what in (
        ("--cell-limit", cell, "one cell"),
        ("--limit", total, "one notebook"),
    ):
        command.add_argument(
            name,
            type=float,
            default=seconds,
            metavar="SECONDS",
            help=f"longest time for {what} (%(default)g)",
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; what the user can mend is one sentence, not a traceback."""
    options = parser().parse_args(argv)
    from dgm.course.execute import on_interrupt

    on_interrupt()
    try:
        return _dispatch(options)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1


def _dispatch(options: argparse.Namespace) -> int:
    # Imported here, so that `dgm grade` need not load the machinery of the book.
    if options.command == "grade":
        from dgm.course.grading import grade

        return grade.main(options)
    if options.command == "release":
        from dgm.course.grading import check, release
        from dgm.course.notebook import root_of

        main = check.main if options.check else release.main
        return main(root_of(Path.cwd()), options.names, options.unsafe)
    if options.command == "run":
        from dgm.course import batch

        return batch.main(options)
    from dgm.course import (
        bench,
        bundle,
        editions,
        execute,
        experiments,
        kernel,
        publish,
        run,
    )
    from dgm.course.notebook import in_toc, root_of

    root = root_of(Path.cwd())
    if options.command == "experiments":
        return experiments.main(root, options.name, options.check, options.j)
    if options.command == "pdf":
        from dgm.course import pdf

        return pdf.main(root, options.out, options.site)
    to_hand_out = {
        "notebooks": publish.main,
        "bundle": bundle.main,
        "instructor": editions.main,
    }
    if options.command in to_hand_out:
        return to_hand_out[options.command](root, options.out)
    paths = [run.slug_or_path(name) for name in options.notebooks] or in_toc(root)
    if options.command == "bench":
        return bench.main(root, paths, book=not options.notebooks)
    limits = kernel.Limits(options.cell_limit, options.limit)
    return execute.main(paths, root, options.j, limits)


if __name__ == "__main__":
    sys.exit(main())
