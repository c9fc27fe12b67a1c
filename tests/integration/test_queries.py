"""Operations and conflicts over HTTP: what an agency may see, and that nothing tells it of anything else."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.store.migrate import alembic_config, engine_for
from tests import kit
from tests.integration.asking import World, moved, world

NOTHING = "00000000-0000-4000-8000-000000000000"
HERE = {"type": "Point", "coordinates": list(kit.JEFFERSON_CITY), "radius_m": 100.0}
NEAR = {"type": "Point", "coordinates": [kit.JEFFERSON_CITY[0] + 0.0001, kit.JEFFERSON_CITY[1]], "radius_m": 100.0}


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


async def everything(world: World, who: str, path: str, limit: int = 200, **filters: object) -> list[str]:
    """All ids, page by page."""
    found: list[str] = []
    more: dict[str, object] = {}
    while True:
        answer = await world.get(who, path, limit=limit, **filters, **more)
        assert answer.status == 200, answer.body
        found += answer.ids
        if "next" not in answer.json:
            return found
        more = {"cursor": answer.json["next"]}


# who may see what


async def test_an_operation_is_a_feature_as_its_sender_wrote_it(asked: World) -> None:
    route = {"type": "LineString", "coordinates": [[-92.2, 38.5], [-92.1, 38.6]], "buffer_m": 250.0}
    operation = await asked.register("mshp", ["hsi"], area=route, name="GREY HERON")
    own, told = await asked.get("mshp", f"operations/{operation}"), await asked.get("hsi", f"operations/{operation}")
    assert own.headers["Content-Type"] == "application/geo+json"
    assert own.headers["Cache-Control"] == "no-store"
    assert own.json["geometry"] == {key: route[key] for key in ("type", "coordinates")}
    assert own.json["properties"].items() >= {"buffer_m": 250.0, "name": "GREY HERON", "state": "planned"}.items()
    assert (own.json["properties"]["own"], told.json["properties"]["own"]) == (True, False)
    assert told.json["geometry"] == own.json["geometry"]
    listed = await asked.get("hsi", "operations")
    assert listed.json == {"type": "FeatureCollection", "features": [told.json]}


async def test_every_agency_against_every_resource_of_every_other(asked: World) -> None:
    may: dict[str, set[str]] = {agency: set() for agency in kit.AGENCIES}
    for index, agency in enumerate(kit.AGENCIES):
        friend = kit.AGENCIES[(index + 1) % len(kit.AGENCIES)]
        private, shared = await asked.register(agency), await asked.register(agency, [friend])
        may[agency] |= {private, shared}
        may[friend].add(shared)
    here = [await asked.register(agency, area=HERE, **moved(0)) for agency in ("mshp", "dea", "atf")]
    for agency, operation in zip(("mshp", "dea", "atf"), here, strict=True):
        may[agency].add(operation)
    conflicts = {agency: set(await everything(asked, agency, "conflicts")) for agency in kit.AGENCIES}
    assert [len(conflicts[agency]) for agency in ("mshp", "dea", "atf", "hsi")] == [2, 2, 2, 0]
    for path, seen in (("operations", may), ("conflicts", conflicts)):
        for agency in kit.AGENCIES:
            assert set(await everything(asked, agency, path)) == seen[agency]
            nothing = await asked.get(agency, f"{path}/{NOTHING}")
            assert nothing.status == 404
            for each in set.union(*seen.values()):
                found = await asked.get(agency, f"{path}/{each}")
                if each in seen[agency]:
                    assert found.status == 200
                    continue
                assert (found.status, found.body) == (404, nothing.body)
                hidden = {"Date", "Content-Length"}
                assert found.headers.keys() - hidden == nothing.headers.keys() - hidden
    nothing = await asked.get("mshp", f"operations/{NOTHING}")
    for odd in ("x", "..%2F..", "%00", "A" * 3_000):
        assert (await asked.get("mshp", f"operations/{odd}")).body == nothing.body


async def test_the_auditor_sees_its_own_agencys_and_an_operator_nothing(asked: World) -> None:
    own, other = await asked.register("mshp"), await asked.register("dea")
    assert (await asked.get("mshp auditor", "operations")).ids == [own]
    assert (await asked.get("mshp auditor", f"operations/{other}")).status == 404
    for path in ("operations", "conflicts", f"operations/{own}"):
        refused = await asked.get("mshp operator", path)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
        assert (await asked.get("", path)).status == 401


# what it was sent, and no more


async def test_an_agency_sees_the_revision_that_it_was_sent(asked: World) -> None:
    operation = await asked.register("mshp", ["hsi"], area=HERE)
    elsewhere = {"type": "Point", "coordinates": [-94.5, 39.0], "radius_m": 100.0}
    await asked.update(operation, ["dea"], area=elsewhere, name="WHITE HERON", **moved(48))
    await asked.report(operation, ["dea"], progress="staged")
    seen = {agency: (await asked.get(agency, f"operations/{operation}")).json for agency in ("mshp", "hsi", "dea")}
    assert [seen[agency]["properties"]["revision"] for agency in seen] == [2, 1, 2]
    assert [seen[agency]["properties"]["state"] for agency in seen] == ["staged", "planned", "staged"]
    assert seen["hsi"]["properties"]["name"] == "BLUE HERON"
    before, after = (kit.NOW + timedelta(hours=24)).isoformat(), "-94.6,38.9,-94.4,39.1"
    for agency, there in (("mshp", [operation]), ("hsi", []), ("dea", [operation])):
        assert await everything(asked, agency, "operations", from_=before) == there
        assert await everything(asked, agency, "operations", bbox=after) == there
        assert await everything(asked, agency, "operations", state="staged") == there
        assert await everything(asked, agency, "operations", to=before) == ([] if there else [operation])
    await asked.report(operation, ["coordinator"], "cancel", reason="weather")
    for agency in seen:
        assert await everything(asked, agency, "operations", state="cancelled") == [operation]


async def test_what_was_withdrawn_is_not_seen_and_what_came_before_is_seen_again(asked: World) -> None:
    operation = await asked.register("mshp", ["hsi"], area=HERE)
    await asked.update(operation, ["hsi"], name="WHITE HERON", **moved(48))
    late = (kit.NOW + timedelta(hours=24)).isoformat()
    assert await everything(asked, "hsi", "operations", from_=late) == [operation]
    await asked.withdraw("hsi")
    seen = await asked.get("hsi", f"operations/{operation}")
    assert (seen.json["properties"]["revision"], seen.json["properties"]["name"]) == (1, "BLUE HERON")
    assert await everything(asked, "hsi", "operations", from_=late) == []
    assert await everything(asked, "hsi", "operations", to=late, state="planned") == [operation]
    await asked.report(operation, ["hsi"], progress="executing")
    assert await everything(asked, "hsi", "operations", state="executing") == [operation]


async def test_what_was_withdrawn_altogether_was_never_there(asked: World) -> None:
    operation = await asked.register("mshp", ["hsi"])
    await asked.withdraw("hsi")
    nothing = await asked.get("hsi", f"operations/{NOTHING}")
    assert (await asked.get("hsi", f"operations/{operation}")).body == nothing.body
    assert await everything(asked, "hsi", "operations") == []


async def test_who_was_sent_a_report_alone_knows_no_place_and_no_time(asked: World) -> None:
    operation = await asked.register("mshp")
    await asked.report(operation, ["hsi"], progress="executing")
    seen = (await asked.get("hsi", f"operations/{operation}")).json
    assert seen["geometry"] is None
    assert seen["properties"] == {
        "operation_id": operation, "agency": "mshp", "own": False, "state": "executing", "revision": None,
        "status": "actual",
    }  # fmt: skip  # one line of words
    assert await everything(asked, "hsi", "operations", bbox="-100,30,-80,45") == []
    assert await everything(asked, "hsi", "operations", from_="2020-01-01T00:00:00Z") == []
    assert await everything(asked, "hsi", "operations", state="executing") == [operation]


# conflicts


async def test_a_side_sees_its_pointer_and_nothing_of_the_other_operation(asked: World) -> None:
    ours = await asked.register("mshp", area=HERE, name="BLUE HERON")
    theirs = await asked.register(
        "dea", area=NEAR, name="RED FOX", event_type="raid", caution=["armed", "dogs"], **moved(0.5),
        contact={"callback": "+15735550123", "backup": "+15735550124"},
    )  # fmt: skip  # a plan in a few lines
    (conflict,) = await everything(asked, "mshp", "conflicts")
    seen = await asked.get("mshp", f"conflicts/{conflict}")
    (side,) = seen.json["sides"]
    assert (seen.json["state"], seen.json["status"]) == ("open", "actual")
    assert side["operation_id"] == ours
    assert side["operation_name"] == "BLUE HERON"
    assert side["band"] == "overlap"
    assert side["other"] == {
        "agency": "dea", "caution": ["armed", "dogs"],
        "contact": {"callback": "+15735550123", "backup": "+15735550124"},
    }  # fmt: skip  # one pointer
    assert theirs.encode() not in seen.body
    for word in (b"RED FOX", b"raid", b"search_warrant", b"distance", b"rule_version", b"radius", b"coordinates"):
        assert word not in seen.body
    assert "+1 573 555 0123" in seen.json["explanation"]
    assert (await asked.get("mshp", "conflicts")).json == {"conflicts": [seen.json]}


async def test_a_sealed_operation_shows_the_contact_for_headquarters_alone(asked: World) -> None:
    await asked.register("mshp", area=HERE)
    await asked.register("dea", area=NEAR, sealed=True, caution=["armed"])
    (conflict,) = (await asked.get("mshp", "conflicts")).json["conflicts"]
    (side,) = conflict["sides"]
    assert side["eyes"] == "headquarters"
    assert not {"band", "act_by"} & side.keys()
    assert side["other"]["caution"] == []
    assert conflict["explanation"].startswith("SEALED, for your headquarters only.")


async def test_a_conflict_that_ended_shows_what_its_sides_were_told_then(asked: World) -> None:
    await asked.register("mshp", area=HERE)
    theirs = await asked.register("dea", area=NEAR)
    (conflict,) = await everything(asked, "mshp", "conflicts", state="open", agency="dea")
    elsewhere = {"type": "Point", "coordinates": [-94.5, 39.0], "radius_m": 100.0}
    await asked.update(theirs, ["coordinator"], area=elsewhere)
    await asked.update(theirs, ["coordinator"], contact={"callback": "+15735550199", "backup": "+15735550198"})
    assert await everything(asked, "mshp", "conflicts", state="open") == []
    assert await everything(asked, "mshp", "conflicts", state="closed") == [conflict]
    seen = await asked.get("mshp", f"conflicts/{conflict}")
    assert seen.json["sides"][0]["change"] == "moved_apart"
    assert b"5550199" not in seen.body


async def test_window_and_ground_of_a_conflict_are_those_of_the_callers_own_operation(asked: World) -> None:
    await asked.register("mshp", area=HERE)
    far = {"type": "LineString", "coordinates": [list(kit.JEFFERSON_CITY), [-94.0, 38.5767]], "buffer_m": 50.0}
    await asked.register("dea", area=far, **moved(2.5))
    west, late = "-94.1,38.5,-93.9,38.6", (kit.NOW + timedelta(hours=3)).isoformat()
    for agency, there in (("mshp", 0), ("dea", 1)):
        assert len(await everything(asked, agency, "conflicts")) == 1
        assert len(await everything(asked, agency, "conflicts", bbox=west)) == there
        assert len(await everything(asked, agency, "conflicts", from_=late)) == there
        assert len(await everything(asked, agency, "conflicts", bbox="-92.2,38.5,-92.1,38.6")) == 1


async def test_two_operations_of_one_agency_are_two_sides(asked: World) -> None:
    both = {await asked.register("mshp", area=HERE), await asked.register("mshp", area=NEAR)}
    (conflict,) = (await asked.get("mshp", "conflicts", limit=1)).json["conflicts"]
    assert {side["operation_id"] for side in conflict["sides"]} == both
    assert "both yours" in conflict["explanation"]
    assert len(conflict["explanation"].splitlines()) == 1


# questions


@pytest.mark.parametrize(
    ("path", "parameter", "value"),
    [
        ("operations", "from", "yesterday"),
        ("operations", "from", "2026-11-27T18:00:00"),
        ("conflicts", "to", "2026-11-01T01:30"),
        ("operations", "bbox", "1,2,3"),
        ("operations", "bbox", "-92,38,-93,39"),
        ("operations", "bbox", "nan,38,-92,39"),
        ("operations", "bbox", "-inf,38,-92,39"),
        ("conflicts", "bbox", "-93,-91,-92,39"),
        ("operations", "agency", "MSHP"),
        ("operations", "agency", "mshp\n"),
        ("operations", "state", "open"),
        ("conflicts", "state", "planned"),
        ("operations", "limit", "0"),
        ("operations", "limit", "201"),
        ("operations", "limit", "-1"),
        ("operations", "limit", "٣"),
        ("conflicts", "limit", "9" * 200),
        ("operations", "cursor", "x"),
        ("operations", "cursor", "é"),
        ("operations", "cursor", ""),
        ("operations", "from", "2" * 300),
    ],
)
async def test_a_parameter_that_cannot_be_read_is_named(asked: World, path: str, parameter: str, value: str) -> None:
    refused = await asked.get("mshp", path, **{parameter: value})
    assert (refused.status, refused.json["code"]) == (400, "invalid_parameter")
    assert refused.json["errors"] == [{"field": parameter, "reason": "invalid_parameter"}]
    assert parameter == "cursor" or f"`{parameter}`" in refused.json["detail"]


async def test_unknown_and_repeated_parameters_are_refused_and_only_plain_words_repeated(asked: World) -> None:
    refused = await asked.get("mshp", "operations", form="x")
    assert (refused.status, refused.json["errors"][0]["field"]) == (400, "form")
    assert (await asked.get("mshp", "conflicts", wiat="5")).json["errors"][0]["field"] == "wiat"
    refused = await asked.get("mshp", "operations", **{"Doe, J.": "x"})
    assert (refused.status, refused.json["errors"][0]["field"]) == (400, "(unknown)")
    assert b"Doe" not in refused.body
    assert (await asked.get("mshp", f"operations/{NOTHING}", limit=1)).status == 400
    operations = f"{asked.address}/v1/operations?state=closed&state=planned"
    async with asked.client.get(operations, headers={"Authorization": "mshp"}) as found:
        assert found.status == 400
    backwards = await asked.get("mshp", "operations", from_="2026-11-27T18:00:00Z", to="2026-11-27T18:00:00Z")
    assert backwards.json["errors"][0]["field"] == "to"


async def test_windows_are_half_open_and_ground_is_compared_exactly(asked: World) -> None:
    corner = {"type": "LineString", "coordinates": [[-93.0, 38.0], [-92.0, 39.0]], "buffer_m": 100.0}
    operation = await asked.register("mshp", area=corner)
    start, end = (kit.NOW + timedelta(hours=1)).isoformat(), (kit.NOW + timedelta(hours=3)).isoformat()
    assert await everything(asked, "mshp", "operations", to=start) == []
    assert await everything(asked, "mshp", "operations", from_=end) == []
    assert await everything(asked, "mshp", "operations", from_=start, to=end) == [operation]
    # The box of the diagonal holds this corner, and the ground along it does not.
    assert await everything(asked, "mshp", "operations", bbox="-92.2,38.0,-92.0,38.2") == []
    assert await everything(asked, "mshp", "operations", bbox="-92.6,38.4,-92.4,38.6") == [operation]


async def test_a_cursor_is_good_for_its_caller_and_its_filters_alone(asked: World) -> None:
    for _ in range(3):
        await asked.register("mshp", ["hsi"])
    page = await asked.get("mshp", "operations", limit=1, agency="mshp")
    cursor = page.json["next"]
    assert len((await asked.get("mshp", "operations", limit=2, agency="mshp", cursor=cursor)).ids) == 2
    broken = await asked.get("mshp", "operations", cursor="AAAA")
    wrong = [
        await asked.get("hsi", "operations", agency="mshp", cursor=cursor),
        await asked.get("mshp/other", "operations", agency="mshp", cursor=cursor),
        await asked.get("mshp", "operations", cursor=cursor),
        await asked.get("mshp", "operations", agency="mshp", state="planned", cursor=cursor),
        await asked.get("mshp", "conflicts", agency="mshp", cursor=cursor),
        await asked.get("mshp", "operations", agency="mshp", cursor=f"{cursor[:-2]}AA"),
    ]
    assert {(each.status, each.body) for each in wrong} == {(400, broken.body)}


async def test_the_link_leads_to_the_next_page(asked: World) -> None:
    all_of_them = sorted([await asked.register("mshp") for _ in range(3)])
    first = await asked.get("mshp", "operations", limit=2, agency="mshp", to="2027-01-01T00:00:00+00:00")
    address, _, relation = first.headers["Link"].partition("; ")
    assert relation == 'rel="next"'
    async with asked.client.get(asked.address + address.strip("<>"), headers={"Authorization": "mshp"}) as found:
        second = await found.json(content_type="application/geo+json")
        assert "Link" not in found.headers
    assert first.ids + [each["id"] for each in second["features"]] == all_of_them


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limits=st.lists(st.integers(1, 5), min_size=1, max_size=6), changes=st.lists(st.integers(0, 5), max_size=12))
async def test_what_does_not_change_is_on_exactly_one_page_whatever_the_limits(
    tmp_path_factory: pytest.TempPathFactory, limits: list[int], changes: list[int]
) -> None:
    async with world(tmp_path_factory.mktemp("pages")) as asked:
        still = [await asked.register("mshp", ["hsi"]) for _ in range(6)]
        restless = [await asked.register("mshp", ["hsi"]) for _ in range(6)]
        waiting, pages = list(changes), 0
        more: dict[str, object] = {}
        found: list[str] = []
        while True:
            limit = limits[pages % len(limits)]
            page = await asked.get("hsi", "operations", limit=limit, from_="2026-01-01T00:00:00Z", **more)
            assert len(page.ids) <= limit
            found += page.ids
            if "next" not in page.json:
                break
            more, pages = {"cursor": page.json["next"]}, pages + 1
            if waiting:
                index = waiting.pop()
                await asked.update(restless[index], ["hsi"], **moved(pages))
                await asked.register("dea", ["hsi"])
        assert sorted(each for each in found if each in still) == sorted(still)
        assert len(found) == len(set(found))
        assert set(restless) <= set(found)


async def test_an_older_store_is_filled_with_what_was_known_already(asked: World) -> None:
    operation = await asked.register("mshp", ["hsi"], area=HERE)
    await asked.update(operation, ["dea"], **moved(24))
    await asked.register("atf", ["hsi"], area=NEAR)
    await asked.withdraw("hsi")
    who = [(agency, path) for agency in kit.AGENCIES for path in ("operations", "conflicts")]
    before = [(await asked.get(agency, path)).body for agency, path in who]
    with closing(sqlite3.connect(asked.folder / "store.db")) as db:
        db.executescript("DROP TABLE heard; DROP TABLE sights; UPDATE alembic_version SET version_num = '0003';")
    engine = engine_for(f"sqlite:///{asked.folder}/store.db")
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0004")
    engine.dispose()
    assert [(await asked.get(agency, path)).body for agency, path in who] == before
    assert await everything(asked, "hsi", "operations", state="planned", to="2026-12-01T00:00:00Z") == [operation]


async def test_what_both_sides_said_of_a_conflict_is_told_without_the_other_operation(asked: World) -> None:
    ours = await asked.register("mshp", area=HERE)
    theirs = await asked.register("dea", area=NEAR)
    (conflict,) = await everything(asked, "mshp", "conflicts")
    await asked.speak("mshp", "dea", "acknowledge", conflict)
    assert (await asked.get("dea", f"conflicts/{conflict}")).json["sides"][0]["progress"] == "acknowledged"
    decided = {"decision": "delay", "reason": "officer_safety"}
    met = {"contact_made": {"by": "77", "at": kit.NOW.isoformat(), "method": "phone"}}
    await asked.speak("dea", "mshp", "response", conflict, **decided, **met)
    seen = await asked.get("mshp", f"conflicts/{conflict}")
    (side,) = seen.json["sides"]
    assert [(each["side"], each["word"]) for each in side["words"]] == [("own", "acknowledge"), ("other", "response")]
    assert "means to delay, after both spoke by phone" in seen.json["explanation"]
    assert theirs.encode() not in seen.body
    await asked.speak("mshp", "dea", "response", conflict, **decided)
    for agency in ("mshp", "dea"):
        seen = await asked.get(agency, f"conflicts/{conflict}")
        assert seen.json["sides"][0]["progress"] == "decided"
        assert {"mshp": theirs, "dea": ours}[agency].encode() not in seen.body
    await asked.update(theirs, ["coordinator"], caution=["armed"])
    (side,) = (await asked.get("mshp", f"conflicts/{conflict}")).json["sides"]
    assert (side["progress"], side["words"][-1]["before_the_last_change"]) == ("claimed", True)


async def test_what_an_agency_decides_between_two_operations_of_its_own_it_decides_for_both(asked: World) -> None:
    await asked.register("mshp", area=HERE)
    await asked.register("mshp", area=NEAR)
    (conflict,) = await everything(asked, "mshp", "conflicts")
    await asked.speak("mshp", "mshp", "response", conflict, decision="delay", reason="case_priority")
    sides = (await asked.get("mshp", f"conflicts/{conflict}")).json["sides"]
    assert [(side["progress"], len(side["words"])) for side in sides] == [("decided", 1)] * 2


async def test_what_has_lost_its_ground_and_was_not_delivered_yet_is_not_seen(asked: World) -> None:
    kept, lost = await asked.register("mshp", ["hsi"]), await asked.register("mshp", ["hsi"])
    assert set(await everything(asked, "hsi", "operations")) == {kept, lost}
    with closing(sqlite3.connect(asked.folder / "store.db")) as db:
        delivered = "UPDATE dispatches SET state = 'confirmed' WHERE recipient = 'hsi' AND message IN "
        db.execute(f"{delivered} (SELECT message FROM heard WHERE about = ?)", (kept,))  # noqa: S608  # our own words
        db.commit()
    await asked.say(kit.agreement("hsi", **{**asked.sharing, "state": "suspended"}))
    assert await everything(asked, "hsi", "operations") == [kept]
    nothing = await asked.get("hsi", f"operations/{NOTHING}")
    assert (await asked.get("hsi", f"operations/{lost}")).body == nothing.body
