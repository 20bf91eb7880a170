"""The command line ``dctdecode``: finds the command in a table, parses its arguments, reports its errors.

Exit codes: 0 done, 1 a file or a check failed, 2 wrong arguments, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

__all__ = ["COMMANDS", "CommandError", "main"]


class Command(NamedTuple):
    name: str
    summary: str  # one line, for `dctdecode --help`
    module: str  # imported only when this command runs; see CommandModule


class CommandModule(Protocol):
    """What a module of `dctdecode.commands` holds. Its docstring is the command's description."""

    EXAMPLES: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


class CommandError(Exception):
    """Ends a command with this one line on stderr and exit code 1."""


COMMANDS = (
    Command("info", "what a JPEG is made of: size, sampling, tables, quality", "dctdecode.commands.info"),
    Command("show", "draw what a choice of channels keeps of a picture", "dctdecode.commands.show"),
    Command("bench", "measure decoding against RGB decoders on your own files", "dctdecode.commands.bench"),
    Command("bench loader", "measure whole loaders, batches and all", "dctdecode.commands.bench_loader"),
    Command("stats", "mean and std of the coefficients of a data set, for normalize=", "dctdecode.commands.stats"),
    Command("prune", "smaller JPEGs of only some channels, for whole data sets", "dctdecode.commands.prune"),
    Command("select", "the channels that a gate keeps, for channels=", "dctdecode.commands.select"),
)

_EPILOG = """\
examples:
  dctdecode info photo.jpg                          size, sampling, quantisation tables, quality
  dctdecode show photo.jpg --channels 24 -o see.png what 24 channels keep of it
  dctdecode bench ~/datasets/imagenet/val           how fast on this machine and these files
  dctdecode bench loader ~/datasets/imagenet/val    the same for whole loaders, with DataLoader and Pillow beside
  dctdecode stats ~/datasets/train -o mine.json     their mean and std, for normalize="mine.json"
  dctdecode prune train/ train-24/ --channels 24    files that hold only what 24 channels need
  dctdecode select best.pt -n 24 -o learned.json    the 24 channels that its gate keeps most often

'dctdecode COMMAND --help' tells more about each command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code.

    Example:
        >>> from dctdecode.cli import main
        >>> main(["info", "missing.jpg"])  # tells on stderr what is wrong
        1
    """
    argv = _joined(sys.argv[1:] if argv is None else argv)
    parser, modules = _parser(argv)
    args = parser.parse_args(argv)
    try:
        code = modules[args.command].run(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (CommandError, OSError) as error:
        sys.stderr.write(f"dctdecode {args.command}: {error}\n")
        return 1


def _joined(argv: Sequence[str]) -> Sequence[str]:
    """A command of two words as one argument, as the parser of commands needs it."""
    two = " ".join(argv[:2])
    return [two, *argv[2:]] if any(command.name == two for command in COMMANDS) else argv


def _parser(argv: Sequence[str]) -> tuple[argparse.ArgumentParser, dict[str, CommandModule]]:
    """The parser, in which only the command that `argv` names is filled in, and that command's module."""
    parser = argparse.ArgumentParser(
        prog="dctdecode",
        description="JPEG files as frequency-domain tensors, without going to pixels.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, help="versions of dctdecode and libjpeg-turbo, and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    modules = {}
    for command in COMMANDS:
        if command.name not in argv[:1]:
            commands.add_parser(command.name, help=command.summary)
            continue
        module = cast(CommandModule, importlib.import_module(command.module))
        chosen = commands.add_parser(
            command.name,
            help=command.summary,
            description=module.__doc__,
            epilog=module.EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(chosen)
        modules[command.name] = module
    return parser, modules


class _Version(argparse.Action):
    """Prints the versions; asks for them only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import dctdecode

        sys.stdout.write(
            f"dctdecode {dctdecode.__version__}\n"
            f"libjpeg-turbo: built with {dctdecode.__libjpeg_turbo_version__}, "
            f"loaded {' '.join(dctdecode.__libjpeg_turbo_found__.split())}\n"
        )
        parser.exit()
