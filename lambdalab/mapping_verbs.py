"""Lambda's verbs on the lab for event source mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidParameterValueException, ResourceNotFoundException
from lambdalab.functions.target import Target
from lambdalab.invocation.registry import FunctionRegistry
from lambdalab.sources.mappings.limits import LimitsTable, limits
from lambdalab.sources.mappings.mapping import Mapping

if TYPE_CHECKING:
    from lambdalab.rules import Rules
    from lambdalab.sources.finding import Sources
    from lambdalab.sources.mappings.registry import EventSourceMappings


class MappingVerbs:
    """What :class:`~lambdalab.Lab` says about mappings; the lab is what it is mixed into."""

    rules: Rules
    _functions: FunctionRegistry
    _mappings: EventSourceMappings
    _sources: Sources

    def _check_open(self) -> None:
        """Raise where the lab is closed."""
        raise NotImplementedError

    def create_event_source_mapping(self, source: Any, function: Any, **settings: Any) -> Mapping:
        """Let Lambda poll a queue or stream, and invoke a function with batches of its records.

        Parameters
        ----------
        source
            An SQS queue, a Kinesis stream or a DynamoDB table with a stream: itself, its name or its
            ARN.
        function
            The function, by a handle or a name; ``"bill:live"`` for an alias or version.
        settings
            For all: ``batch_size`` (records), ``maximum_batching_window`` (s),
            ``function_response_types``, ``filter_criteria``, ``enabled``. For queues:
            ``maximum_concurrency``, ``provisioned_poller_config``; see
            :class:`~lambdalab.sources.mappings.queue_settings.MappingSettings`. For streams:
            ``starting_position`` (needed), ``starting_position_timestamp``,
            ``parallelization_factor``, ``maximum_retry_attempts``, ``maximum_record_age`` (s),
            ``bisect_batch_on_function_error``, ``tumbling_window`` (s), ``on_failure``; see
            :class:`~lambdalab.sources.mappings.stream_settings.StreamMappingSettings`.

        Returns the mapping; its ``state`` is ``Enabled`` (or ``Disabled``) at once, unless the rule
        ``mapping_transition`` gives AWS some time.

        Raises
        ------
        UnknownSetting, InvalidSetting, UnknownName, InvalidParameterValueException
            For settings that AWS refuses, a source or a function that is not there, MSK, MQ and
            DocumentDB (not simulated); then nothing has been made.
        ResourceConflictException
            The two are connected already.

        Example
        -------
        >>> from lambdalab import Lab
        >>> lab = Lab()
        >>> bill = lab.create_function("bill", duration=0.1)
        >>> orders = lab.sqs.create_queue("orders")
        >>> lab.create_event_source_mapping(orders, "bill", batch_size=5)
        <mapping orders->bill: batch size 5, batching window 0 s>
        """
        self._check_open()
        return self._mappings.create(
            self._sources.polled(source), self._mapped(function), **settings
        )

    def _mapped(self, function: Any) -> Target:
        """The function of a mapping, or AWS's words for that there is none."""
        try:
            return self._functions.target(function)
        except ResourceNotFoundException as error:
            raise InvalidParameterValueException("Function does not exist", f": {error}") from None

    def event_source_limits(self) -> LimitsTable:
        """Default and maximum batch size and batching window of every kind of source, by this lab's
        rules; what no lab polls is marked."""
        return limits(self.rules)

    def update_event_source_mapping(self, mapping: Any, **settings: Any) -> Mapping:
        """Change settings of a mapping, given itself, its name or its UUID; see :meth:`Mapping.update
        <lambdalab.sources.mappings.mapping.Mapping.update>`."""
        self._check_open()
        return self._mappings.find(mapping).update(**settings)

    def delete_event_source_mapping(self, mapping: Any) -> Mapping:
        """Delete a mapping; it is ``Deleting`` until what it has received is done with."""
        self._check_open()
        found = self._mappings.find(mapping)
        found.delete()
        return found

    def list_event_source_mappings(self, source: Any = None, function: Any = None) -> list[Mapping]:
        """The mappings there are: all, or those of a source or a function."""
        self._check_open()
        wanted = None if source is None else self._sources.polled(source)
        owner = None if function is None else self._functions.find(function)
        return [
            mapping
            for mapping in self._mappings
            if wanted in (None, mapping.source) and owner in (None, mapping.function)
        ]
