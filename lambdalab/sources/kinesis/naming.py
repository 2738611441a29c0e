"""How Kinesis calls shards, and numbers records.

Sequence numbers have the form of the service's own: 56 digits that hold, from the left, when the shard
was made, the record's place in it, when it came, and the shard's number. mhart/kinesalite took them
apart.
"""

from __future__ import annotations

from lambdalab.sources.streams.shard import Shard

_LONGEST = 60  # digits: no number of the service is longer, and Python reads none of thousands


def sequence_number(made_s: int, index: int, place: int, at_s: int) -> str:
    """A sequence number: of the shard made at ``made_s`` (seconds since 1970), numbered ``index``.

    ``place`` is the record's in the shard, from 1 (0: where the shard begins), ``at_s`` when it came.

    >>> sequence_number(1_736_208_000, 0, 1, 1_736_208_000)
    '49659357023222850765760216010422595183867775741547511810'
    """
    number = 2 << 36 | made_s
    number = number << 4 | index & 15
    number = number << 64 | place
    number = number << 44 | at_s
    number = number << 32 | index
    return str(number << 4 | 2)


class KinesisNaming:
    """Names of shards and numbers of records in Kinesis.

    >>> KinesisNaming().shard_id(3, 0)
    'shardId-000000000003'
    """

    def shard_id(self, index: int, made_s: int) -> str:
        """The id of a shard by its number."""
        return f"shardId-{index:012d}"

    def sequence_number(self, shard: Shard, place: int, at_s: int) -> str:
        """The number of a record of a shard."""
        return sequence_number(shard.made_s, shard.index, place, at_s)

    def place_of(self, shard: Shard, number: str) -> int | None:
        """The place in the shard that a number stands for; None where it is none of the shard's."""
        if not (number.isascii() and number.isdecimal() and len(number) <= _LONGEST):
            return None
        value = int(number)
        place = value >> 80 & (1 << 64) - 1
        if value >> 144 != int(shard.starting_sequence_number) >> 144:
            return None
        if place >= shard.next_place:
            return shard.next_place if number == shard.ending_sequence_number else None
        return place
