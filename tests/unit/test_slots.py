"""Places for running cases: the urgent queue finds one soon, no queue starves it."""

from vetflow.domain.case import Queue
from vetflow.worker.slots import Slots


def test_routine_and_silent_together_leave_one_place_for_stat() -> None:
    slots = Slots(limit=3)

    assert slots.take(1, Queue.ROUTINE)
    assert slots.take(2, Queue.SILENT)
    assert not slots.take(3, Queue.SILENT)
    assert slots.open_queues() == (Queue.STAT,)
    assert slots.take(4, Queue.STAT)
    assert slots.open_queues() == ()


def test_stat_may_use_every_place() -> None:
    slots = Slots(limit=2)

    assert slots.take(1, Queue.STAT)
    assert slots.take(2, Queue.STAT)
    assert not slots.take(3, Queue.STAT)


def test_a_single_place_is_for_everybody() -> None:
    slots = Slots(limit=1)

    assert slots.open_queues() is None
    assert slots.take(1, Queue.SILENT)


def test_a_run_takes_one_place_only_and_gives_it_back() -> None:
    slots = Slots(limit=2)

    assert slots.take("run", "queue of a person")
    assert not slots.take("run", "queue of a person")
    slots.free("run")

    assert not slots.holds("run")
    assert slots.open_queues() is None


def test_a_run_is_urgent_while_it_has_a_place_of_the_stat_queue() -> None:
    slots = Slots(limit=3)
    slots.take(1, Queue.STAT)
    slots.take(2, Queue.SILENT)

    assert [slots.urgent(run) for run in (1, 2, 3)] == [True, False, False]
    slots.free(1)

    assert not slots.urgent(1)
