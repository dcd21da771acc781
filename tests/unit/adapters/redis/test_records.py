import pickle
from uuid import uuid4

from marketplace.adapters.redis.records import _unit_id


class TestAUnitsId:
    def test_is_as_any_other(self) -> None:
        for unit_id in (uuid4() for _ in range(20)):
            made = _unit_id(unit_id.bytes)

            assert (made, hash(made), str(made)) == (unit_id, hash(unit_id), str(unit_id))
            assert (repr(made), made.is_safe) == (repr(unit_id), unit_id.is_safe)
            assert pickle.loads(pickle.dumps(made)) == unit_id
