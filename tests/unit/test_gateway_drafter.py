from dataclasses import dataclass, field

from tests.fakes import FakeSorting

from vetflow.domain.case import CaseOrder, Queue, Undrafted
from vetflow.domain.errors import StudyRefused
from vetflow.domain.routing import Route
from vetflow.domain.study import Facts
from vetflow.domain.view import Region
from vetflow.gateway.drafter import Drafter
from vetflow.gateway.sorter import Wishes

CHEST = Facts(modality="DX", region=Region.THORAX)
DRAFT = Route(use_case="draft", regions=(Region.THORAX,))


@dataclass
class FakeDrafts:
    """Revisions that are due; opening a draft of one that holds nothing is refused."""

    due: list[Undrafted]
    empty: bool = False
    opened: list[CaseOrder] = field(default_factory=list)
    left: list[tuple[str, int]] = field(default_factory=list)

    def undrafted(self) -> list[Undrafted]:
        return list(self.due)

    def open_draft(self, order: CaseOrder) -> str | None:
        if self.empty:
            raise StudyRefused("nothing_to_judge")
        self.opened.append(order)
        return "case-00000001"

    def leave_undrafted(self, study_id: str, revision: int) -> None:
        self.left.append((study_id, revision))


def stepped(drafts: FakeDrafts, *routes: Route, facts: Facts = CHEST) -> FakeDrafts:
    sorting = FakeSorting(of_revision={("study-1", 1): [facts]})
    Drafter(sorting, drafts, wishes=Wishes(routes=routes)).step()
    return drafts


def undrafted(*queues: Queue) -> FakeDrafts:
    return FakeDrafts([Undrafted(study_id="study-1", revision=1, queues=frozenset(queues))])


def test_a_draft_is_opened_in_the_queue_of_the_most_urgent_case() -> None:
    drafts = stepped(undrafted(Queue.ROUTINE, Queue.SILENT), DRAFT)

    (order,) = drafts.opened
    assert order == CaseOrder(use_case="draft", study_id="study-1", queue=Queue.ROUTINE, revision=1, again=True)


def test_a_draft_takes_no_place_that_is_kept_for_advice_on_films() -> None:
    drafts = stepped(undrafted(Queue.STAT), DRAFT)

    assert [order.queue for order in drafts.opened] == [Queue.ROUTINE]


def test_a_draft_of_no_cases_waits_where_its_route_says() -> None:
    drafts = stepped(undrafted(), DRAFT)

    assert [order.queue for order in drafts.opened] == [Queue.ROUTINE]


def test_what_no_route_wants_drafted_is_left() -> None:
    other = Route(use_case="triage")

    by_region = stepped(undrafted(), DRAFT, facts=Facts(modality="DX", region=Region.HEAD))
    by_use_case = stepped(undrafted(), other)

    assert (by_region.opened, by_use_case.opened) == ([], [])
    assert by_region.left == by_use_case.left == [("study-1", 1)]


def test_what_holds_nothing_any_more_is_left() -> None:
    drafts = undrafted()
    drafts.empty = True

    stepped(drafts, DRAFT)

    assert drafts.left == [("study-1", 1)]
