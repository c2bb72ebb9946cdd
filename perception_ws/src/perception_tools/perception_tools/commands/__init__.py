"""The verbs of the command `perception`: one module each."""
