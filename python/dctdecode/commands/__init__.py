"""The commands of ``dctdecode``, one module each; `dctdecode.cli.COMMANDS` is their table."""
