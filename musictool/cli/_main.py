"""The group of all commands: what `musictool` and `bin/musictool` run.

Commands are found by their folder and imported when they are needed; a command module imports nothing heavy before it
runs, so that `--help` answers at once.
"""

from __future__ import annotations

import os

import click

from musictool import __version__
from musictool.cli import _output
from musictool.errors import BadOption, KindMismatch, MusictoolError, UnknownName
from musictool.registry import COMMANDS

FAILED, USAGE, INTERRUPTED = 1, 2, 130  # exit codes
USAGE_ERRORS = (BadOption, KindMismatch, UnknownName)


class Commands(click.Group):
    """Commands by file name, with -v and -q on each, and one place where errors become one line."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS.names())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS.names():
            return None
        command: click.Command = COMMANDS.module(name).command
        if not any(parameter.name == "verbose" for parameter in command.params):
            command.params.extend(_output.verbosity())
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        near = difflib.get_close_matches(args[0], COMMANDS.names(), n=1)
        if args[0] not in COMMANDS.names() and near:
            context.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> object:
        _output.one_line_logs()
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            return context.exit(INTERRUPTED)
        except MusictoolError as error:
            _output.say_error(error)
            return context.exit(USAGE if isinstance(error, USAGE_ERRORS) else FAILED)
        except BrokenPipeError:
            raise  # whoever read our output has seen enough; click ends quietly
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            _output.say_error(f"{where}{error.strerror or error}")
        return context.exit(FAILED)


@click.command(cls=Commands, params=_output.verbosity())
@click.version_option(__version__, prog_name="musictool")
def main() -> None:
    """Turn a folder of music into a model that writes more of it.

    \b
    Three commands, in this order:
        musictool prepare corpus/
        musictool train --arch lstm
        musictool sample --length 500 --out song.mid

    Corpora are written to ./corpora, models to ./saved_models; the environment variable MUSICTOOL_HOME moves both.
    """
    # TensorFlow's own log lines say nothing to a musician; set the variable yourself to see them.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
