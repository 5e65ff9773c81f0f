"""The command line: parse, call, write. One file a verb; each is imported only when it is called."""
