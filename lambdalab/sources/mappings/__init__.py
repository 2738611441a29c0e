"""Event source mappings: how records get from a source to a function.

:mod:`.registry` makes and finds them. Of a queue: :mod:`.collector` receives and fills batches,
:mod:`.delivery` invokes the function and settles what becomes of the messages. Of a stream:
:mod:`.stream_reader` and :mod:`.shard_poller` read, :mod:`.lane` fills batches, :mod:`.work` invokes and
tries again, :mod:`.ledger` tells the books.
"""
