"""Writes: rows of any query, or of Python, into the tables of a source, journalled and resumable.

A statement or a call becomes parts (one kind of write to one table); their rows are read and put
on disk; a journal is opened; chunks are sent by the source's writer, and each one's outcomes are
stored in the transaction that marks it done.
"""
