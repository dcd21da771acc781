"""What the latest searches near a unit came to for it: a hundred at the most, however many there were."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.reads import Reads
from marketplace.core.dispatch.chances import Lately, told
from marketplace.core.dispatch.job import State
from marketplace.core.dispatch.scoring import Hindrance
from marketplace.core.providers.provider import Unit

# Step by step in the order of an index: however many searches an area has had, twenty of each state are read,
# and the last ten decisions on each of the hundred that are the latest. Rows are compared whole, as asked by
# each column the planner would walk through all areas by the time alone.
LATELY = """
WITH sought AS MATERIALIZED (
  SELECT j.id, j.skill
  FROM unnest(:area_ids::uuid[]) AS a(id) CROSS JOIN unnest(:states::text[]) AS s(name) CROSS JOIN LATERAL (
    SELECT id, skill, area_id, state, queued_at FROM dispatch_job
    WHERE tenant_id = :tenant_id AND (area_id, state, queued_at) <= (a.id, s.name, :until::timestamptz)
    ORDER BY area_id DESC, state DESC, queued_at DESC LIMIT 20) AS j
  WHERE j.area_id = a.id AND j.state = s.name AND j.queued_at >= :since
  ORDER BY j.queued_at DESC LIMIT 100
),
verdict AS MATERIALIZED (
  SELECT (v ->> 'asked')::boolean AS asked, v ->> 'reason' AS reason
  FROM sought CROSS JOIN LATERAL (
    SELECT verdicts, carried_out FROM dispatch_decision
    WHERE tenant_id = :tenant_id AND job_id = sought.id
    ORDER BY at DESC LIMIT 10) AS d
  CROSS JOIN LATERAL jsonb_array_elements(d.verdicts) AS v
  WHERE d.carried_out AND v ->> 'unit_id' = :unit_id
)
SELECT json_build_object(
  'searches', (SELECT count(*) FROM sought),
  'for_its_skills', (SELECT count(*) FROM sought WHERE skill = ANY(:skills::text[])),
  'asked', (SELECT count(*) FROM verdict WHERE asked),
  'not_asked', (SELECT coalesce(json_object_agg(reason, told), '{}') FROM (
    SELECT reason, count(*) AS told FROM verdict WHERE NOT asked GROUP BY reason) AS c))::text
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    searches: int
    for_its_skills: int
    asked: int
    not_asked: dict[Hindrance, int]


_decoder = msgspec.json.Decoder(_Counted)


async def read_lately(
    reads: Reads, unit: Unit, *, area_ids: Sequence[UUID], since: datetime, until: datetime
) -> Lately:
    given = {
        "area_ids": list(area_ids),
        "states": [str(state) for state in State],
        "since": since,
        "until": until,
        "unit_id": str(unit.id),
        "skills": list(unit.skills),
    }
    counted = _decoder.decode(await reads.value(unit.tenant_id, LATELY, **given))
    return Lately(
        searches=counted.searches,
        for_its_skills=counted.for_its_skills,
        looked_at=counted.asked + sum(counted.not_asked.values()),
        asked=counted.asked,
        not_asked=told(counted.not_asked),
    )
