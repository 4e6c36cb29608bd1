"""The console and the intake: server-rendered pages over HTTP. Knows everything but the command line."""
