"""What always holds in the ledger; each rule is a query for what breaks it."""

from sqlalchemy import Connection, text

from vetflow.domain.overview import Fault

_FEW = 20

# A case wants an instance: it is of that film, or of a revision that contains it.
_WANTS = """(c.instance_id = i.id OR (c.study_id = i.study_id AND c.revision >= i.revision))"""
_BUSY = f"""EXISTS (
    SELECT FROM cases c WHERE c.study_id = i.study_id AND {_WANTS} AND (
        c.ended_at IS NULL OR EXISTS (SELECT FROM deliveries d WHERE d.case_id = c.id AND d.state = 'owed')))"""  # noqa: S608 - constants of this module, as in the rules below

_RULES = {
    "a received instance has no facts and no revision": """
        SELECT id FROM instances WHERE state = 'received' AND (modality IS NOT NULL OR revision IS NOT NULL)""",
    "an instance past received has facts": """
        SELECT id FROM instances WHERE state IN ('waiting', 'processing', 'delivered') AND modality IS NULL""",
    "a waiting instance is in no revision and in no case": """
        SELECT i.id FROM instances i WHERE i.state = 'waiting' AND (
            i.revision IS NOT NULL OR EXISTS (SELECT FROM cases c WHERE c.instance_id = i.id))""",
    "a processing instance is in a revision or in a case": """
        SELECT i.id FROM instances i WHERE i.state = 'processing' AND i.revision IS NULL
            AND NOT EXISTS (SELECT FROM cases c WHERE c.instance_id = i.id)""",
    "every case of a delivered instance has ended and nothing is owed": f"""
        SELECT i.id FROM instances i WHERE i.state = 'delivered' AND {_BUSY}""",  # noqa: S608
    "an instance whose cases have ended, with nothing owed, is delivered": f"""
        SELECT i.id FROM instances i WHERE i.state = 'processing' AND NOT {_BUSY}
            AND EXISTS (SELECT FROM cases c WHERE c.study_id = i.study_id AND {_WANTS})""",  # noqa: S608
    "an instance of the same UID and other bytes flags its study": """
        SELECT i.id FROM instances i JOIN studies s ON s.id = i.study_id WHERE NOT i.original AND NOT s.conflicted""",
    "the revisions of a study count from 1 without a gap": """
        SELECT s.id FROM studies s LEFT JOIN revisions r ON r.study_id = s.id GROUP BY s.id
            HAVING count(r.number) <> s.revision OR coalesce(max(r.number), 0) <> s.revision""",
    "nothing belongs to a revision that was never made": """
        SELECT i.id FROM instances i JOIN studies s ON s.id = i.study_id WHERE i.revision > s.revision
        UNION ALL
        SELECT c.id FROM cases c JOIN studies s ON s.id = c.study_id WHERE c.revision > s.revision""",
    "a case has ended exactly when its state says so": """
        SELECT id FROM cases
            WHERE (state IN ('done', 'refused', 'failed', 'cancelled')) <> (ended_at IS NOT NULL)""",
    "a case is done exactly when it has a verdict": """
        SELECT id FROM cases WHERE (state = 'done') <> (verdict IS NOT NULL)""",
    "the attempts at a case count from 1 without a gap": """
        SELECT c.id FROM cases c LEFT JOIN attempts a ON a.case_id = c.id GROUP BY c.id
            HAVING count(a.number) <> c.attempt OR coalesce(max(a.number), 0) <> c.attempt""",
    "the rounds of a use case on a subject count from 1 without a gap": """
        SELECT min(id) FROM cases GROUP BY study_id, use_case, revision, instance_id
            HAVING count(*) <> max(round)""",
    "only a case that is done has results and owes deliveries": """
        SELECT DISTINCT c.id FROM cases c LEFT JOIN deliveries d ON d.case_id = c.id
            LEFT JOIN results r ON r.case_id = c.id
            WHERE c.state <> 'done' AND (d.id IS NOT NULL OR r.uid IS NOT NULL)""",
    "the editions of a case count from 1 without a gap, and only a case that is done has them": """
        SELECT r.case_id FROM reviews r JOIN cases c ON c.id = r.case_id GROUP BY r.case_id, c.state
            HAVING count(*) <> max(r.edition) OR c.state <> 'done'""",
    "a result of a later edition is of a review that was made": """
        SELECT s.case_id FROM results s WHERE s.edition > 0 AND NOT EXISTS (
            SELECT FROM reviews r WHERE (r.case_id, r.edition) = (s.case_id, s.edition))""",
    "what is owed is a result of its case": """
        SELECT d.id FROM deliveries d WHERE NOT EXISTS (
            SELECT FROM results r WHERE (r.case_id, r.kind, r.uid, r.digest) = (d.case_id, d.kind, d.uid, d.digest))""",
}


def broken(connection: Connection) -> list[Fault]:
    """Return the rules that do not hold, with the first few ids that break each."""
    faults: list[Fault] = []
    for rule, query in _RULES.items():
        found = connection.execute(text(f"{query} LIMIT {_FEW}")).scalars().all()
        if found:
            faults.append(Fault(rule=rule, subjects=tuple(found)))
    return faults
