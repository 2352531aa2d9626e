"""The command line: thin commands, no logic; heavy imports happen inside the command that needs
them.
"""
