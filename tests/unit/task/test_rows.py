from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from cleanplate.task import AskedRegion, Failure, Outcome, Request, Source, State, Task
from cleanplate.task.rows import from_row, to_row

texts = st.text(max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
sources = st.builds(Source, kind=st.sampled_from(["blob", "url"]), value=texts)
regions = st.builds(
    AskedRegion,
    kind=st.sampled_from(["rectangles", "mask", "smear"]),
    rectangles=st.lists(st.tuples(numbers, numbers, numbers, numbers), max_size=3).map(tuple),
    unit=st.sampled_from(["pixel", "fraction"]),
    source=st.none() | sources,
)
requests = st.builds(
    Request,
    dialect=st.sampled_from(["kaze", "gptge", "picwish", "native"]),
    operation=texts,
    source=sources,
    region=st.none() | regions,
    mode=texts,
    sync=st.booleans(),
    callback_url=st.none() | texts,
    base_url=texts,
    return_type=st.integers(0, 9),
    format=st.none() | texts,
    request_id=texts,
)
outcomes = st.builds(
    Outcome,
    result_key=texts,
    format=texts,
    extension=texts,
    media_type=texts,
    width=st.integers(1, 65535),
    height=st.integers(1, 65535),
    box=st.none() | st.tuples(*[st.integers(0, 65535)] * 4),
    download_ms=numbers,
    work_ms=numbers,
    changed=st.booleans(),
    found=st.lists(
        st.dictionaries(texts, texts | st.integers() | numbers | st.none(), max_size=3), max_size=2
    ),
    fills=st.lists(st.dictionaries(texts, texts, max_size=2), max_size=2),
    timings=st.dictionaries(texts, numbers, max_size=3),
)
tasks = st.builds(
    Task,
    id=texts,
    account_id=texts,
    request=requests,
    state=st.sampled_from(State),
    attempt=st.integers(0, 9),
    losses=st.integers(0, 9),
    created_at=numbers,
    started_at=st.none() | numbers,
    finished_at=st.none() | numbers,
    expires_at=numbers,
    lease_until=st.none() | numbers,
    worker=st.none() | texts,
    outcome=st.none() | outcomes,
    failure=st.none() | st.builds(Failure, code=texts, message=texts),
    setbacks=st.integers(0, 9),
    next_at=st.none() | numbers,
)


@given(tasks)
def test_a_task_comes_back_from_its_row_as_it_was(task):
    row = to_row(task)
    through_json = {
        key: json.loads(json.dumps(value)) if key in {"request", "outcome", "failure"} else value
        for key, value in row.items()
    }
    assert from_row(through_json) == task


def test_a_row_of_another_version_can_be_read():
    """Newer rows have keys that this version does not know, older ones lack some that have defaults."""
    task = Task(
        "a", "ann", Request("kaze", "x", Source("url", "u")), State.QUEUED, 0, 0, 1.0, None, None, 2.0
    )
    row = to_row(task)
    row["request"] = {
        "dialect": "kaze",
        "operation": "x",
        "source": {"kind": "url", "value": "u"},
        "mood": "new",
    }
    assert from_row(row) == task
