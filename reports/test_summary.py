"""The summary: the tables and the page say what the database says, for people."""

import re
from html.parser import HTMLParser

import example
import page
import pytest
import results
import summary


@pytest.fixture
def db(tmp_path):
    db = results.make_results(tmp_path / "results.db")
    yield db
    db.close()


def plain(db, campaign=None):
    return summary.plain(db, results.campaign_named(db, "results.db", campaign))


def html(db):
    return summary.html(db, results.campaign_named(db, "results.db"))


def line_of(text, *words):
    """The first line that holds all words, blanks squeezed."""
    return next(
        " ".join(line.split()) for line in text.split("\n") if all(w in line for w in words)
    )


def test_the_first_line_tells_the_campaign(db):
    example.add_run(db, judged=1200, seconds=2.0)
    example.add_run(db, scenario="other", judged=300, seconds=1.0)
    assert plain(db).startswith("night: 2 runs, 1,500 crash states judged in 3.0 s (500 a second)")


def test_a_line_tells_work_findings_and_wear(db):
    found = [example.found()]
    example.add_run(db, found=found, wear={1: 40}, operations=1440, endurance=400)
    assert line_of(plain(db), "settings", "seqmap") == (
        "settings seqmap all - 100 200 1 40 10 days"
    )


def covered(db, *words):
    """The columns cuts and pairs of a line."""
    return tuple(line_of(plain(db), *words).split()[2:4])


def test_a_line_tells_single_cuts_and_pairs_apart(db):
    example.add_run(db, depth=1, identity="1")
    assert covered(db, "settings", "seqmap") == ("all", "-")
    assert summary.PARTIAL not in plain(db)
    example.add_run(db, depth=2, state="stopped", identity="2")
    assert covered(db, "settings", "seqmap") == ("all", "part")
    example.add_run(db, scenario="other", depth=1, state="stopped")
    assert covered(db, "other", "seqmap") == ("part", "-")
    example.add_run(db, scenario="deep", depth=3)
    assert covered(db, "deep", "seqmap") == ("all", "all")


def test_single_cuts_are_all_there_when_each_class_of_faults_is(db):
    example.add_run(db, faults="edge,prefix,bits", identity="1")
    example.add_run(db, faults="rot", identity="2", state="stopped")
    assert covered(db, "settings", "seqmap") == ("part", "-")


def test_shards_are_all_there_only_together(db):
    example.add_run(db, shard=0, shards=2)
    assert covered(db, "settings", "seqmap") == ("part", "-")
    example.add_run(db, shard=1, shards=2)
    assert covered(db, "settings", "seqmap") == ("all", "-")


def test_a_fuzz_run_explores_no_cuts(db):
    example.add_run(db, kind="fuzz", scenario="fuzz", state="stopped")
    assert covered(db, "fuzz", "seqmap") == ("-", "-")


def test_a_run_that_goes_on_or_was_killed_is_marked(db):
    example.add_run(db, scenario="other", state="running")
    assert covered(db, "other", "seqmap") == ("open", "-")
    assert summary.KILLED in plain(db)


def test_what_work_costs_is_a_table_of_its_own(db):
    example.add_comparison(db, engine="naive", erases=1000, settings="x=1")
    example.add_comparison(db)
    example.add_comparison(db, cuts=1, cuts_of=50, erases=90, cut_in_erase=5, held_least=3)
    lines = plain(db).split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("work "))
    assert [line.split()[:4] for line in lines[start + 1 : start + 4]] == [
        ["settings", "naive", "x=1", "-"],
        ["settings", "seqmap", "-", "80"],
        ["settings", "seqmap", "1/50", "90"],
    ]
    assert "2.00" in lines[start + 3].split()
    text = html(db)
    assert "What the work costs" in text and "1/50" in text


def test_a_campaign_of_comparisons_alone_says_nothing_of_claims(db):
    example.add_comparison(db)
    assert "not tried" not in plain(db)
    assert "no divergence" not in plain(db)
    example.add_run(db)
    assert "no divergence" in plain(db)


def test_without_comparisons_there_is_no_table_of_them(db):
    example.add_run(db)
    assert summary.COST_LEGEND not in plain(db)
    assert "What the work costs" not in html(db)


def test_what_holds_does_so_as_far_as_was_explored(db):
    example.add_run(db)
    assert summary.PARTIAL not in plain(db) and summary.PARTIAL not in html(db)
    example.add_run(db, scenario="other", depth=2, state="stopped")
    after_claims = plain(db).split("\nclaims ")[1]
    assert f"\n{summary.PARTIAL}\n" in after_claims
    assert f"<p>{summary.PARTIAL}</p>" in html(db)


def test_the_tables_fit_a_terminal_of_100_columns(db):
    run = {"judged": 1234567, "seconds": 8.0, "wear": {0: 1234567}, "state": "stopped", "depth": 2}
    run |= {"scenario": "settings-100-days", "endurance": 100000, "operations": 10**12}
    example.add_run(db, **run)
    lines = plain(db).split("\n")
    assert "over 100 years" in plain(db)
    assert max(map(len, lines)) <= 100


def test_claims_stand_against_findings(db):
    found = [example.found(), example.found(shape=2, under="weak")]
    example.add_run(db, found=found, judged_by_class={"uncut": 9, "edge": 5, "bits": 5, "ecc": 5})
    example.add_run(db, engine="naive", claims=("edge",), widened="an update may lose")
    text = plain(db)
    head, naive, seqmap = text[text.index("claims") :].split("\n")[:3]
    assert re.split("  +", head) == ["claims", *example.CLASSES]
    assert re.split("  +", seqmap) == [
        "seqmap",
        "holds",
        "holds",
        "not tried",
        "BROKEN, 1 found",
        "not tried",
        "not claimed, 1 found",
        "not claimed",
        *["-"] * 5,
    ]
    assert "naive has a wider contract: an update may lose" in text
    assert re.split("  +", naive)[3] == "not claimed"


def test_divergences_stand_with_the_case_that_replays_them(db):
    example.add_run(db, found=[example.found()])
    text = plain(db)
    assert "seqmap breaks atomic in settings: bits; 3 crash states\n" in text
    assert f"  {example.found()[0]['artefact']}\n" in text
    assert "no divergence" not in text


def test_what_has_the_same_case_stands_once(db):
    same = [example.found(shape=s, under=u, text="same\n") for s, u in ((1, "edge"), (2, "weak"))]
    example.add_run(db, found=same)
    assert plain(db).count("breaks") == 1
    assert "edge, weak (not claimed); 6 crash states" in plain(db)


def test_a_flood_of_divergences_is_cut_short(db):
    example.add_run(db, found=[example.found(shape=i) for i in range(1, 31)])
    assert plain(db).count("breaks") == 10
    assert "and 20 more" in plain(db)


def test_a_finding_is_said_to_be_new_known_or_gone(db):
    seen, other = example.found(), example.found(shape=2)
    example.add_run(db, campaign="monday", found=[seen])
    assert "3 crash states\n" in plain(db, "monday")
    example.add_run(db, campaign="tuesday", found=[seen, other])
    text = plain(db, "tuesday")
    assert "3 crash states; known since monday\n" in text
    assert "3 crash states; new\n" in text
    example.add_run(db, campaign="wednesday", found=[other])
    text = plain(db, "wednesday")
    assert text.count("breaks") == 1
    assert "gone since tuesday: seqmap atomic: k: expected 1, found 1\n" in text
    assert "3 crash states; gone since tuesday\n" in plain(db, "monday")
    html = summary.html(db, results.campaign_named(db, "results.db", "wednesday"))
    assert "3 crash states; <b>known since tuesday</b>" in html
    assert "<li>gone since tuesday: seqmap atomic: k: expected 1, found 1</li>" in html


def test_a_clean_campaign_says_so(db):
    example.add_run(db)
    assert plain(db).endswith("\n\nno divergence\n")


def test_a_campaign_in_which_nothing_was_judged_is_not_called_clean(db):
    example.add_run(db, judged=0, states=0)
    assert plain(db).endswith("\n\nnothing was judged\n")


def test_only_the_claims_decide_whether_a_campaign_is_broken(db):
    example.add_run(db, found=[example.found(under="weak")])
    night = results.campaign_named(db, "results.db")
    assert not summary.is_broken(db, night)
    example.add_run(db, scenario="other", found=[example.found(shape=2)])
    assert summary.is_broken(db, night)


@pytest.mark.parametrize(
    ("days", "erases", "text"),
    [
        (None, 10, "-"),
        (6.94, 10080, "6.9 days"),
        (69.4, 10, "69 days"),
        (69.4, 9, "69 days?"),
        (3652.5, 50, "10 years"),
        (1e6, 1, "over 100 years"),
        (0.25, 50, "6.0 hours"),
        (0.01, 50, "14 minutes"),
        (0, 50, "0.0 minutes"),
    ],
)
def test_a_lifetime_is_printed_in_the_unit_of_people(days, erases, text):
    assert summary.lifetime(days, erases) == text


# --- the page ---


class Outline(HTMLParser):
    """Which tags are open and never closed, and how many there are of each."""

    VOID = ("meta", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.count, self.titles = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "title":
            self.titles.append(data)


def test_the_page_is_whole_and_needs_nothing_else(db):
    example.add_run(db, found=[example.found()])
    example.add_run(db, engine="naive", widened="an update may lose")
    text = html(db)
    outline = Outline(text)
    assert outline.open == []
    assert outline.count["svg"] == 2
    for stranger in ("<script", "http:", "https:", "url(", "@import", "src="):
        assert stranger not in text
    assert "an update may lose" in text and "breaks atomic" in text


def test_the_page_goes_through_a_link_to_its_file(db, tmp_path):
    example.add_run(db)
    page_file, link = tmp_path / "page.html", tmp_path / "link.html"
    link.symlink_to(page_file)
    assert summary.main([str(tmp_path / "results.db"), "--html", str(link)]) == 0
    assert link.is_symlink()
    assert page_file.read_text() == html(db)


def test_what_a_scenario_is_called_cannot_break_the_page(db):
    example.add_run(db, scenario="<b>&'\"", engine="<script>", chip="<i>")
    assert Outline(html(db)).open == []
    assert "<script" not in html(db)


def test_engines_of_one_scenario_share_the_scale(db):
    example.add_run(db, wear={0: 100})
    example.add_run(db, engine="naive", wear={0: 50})
    heights = re.findall(r'height="([\d.]+)" rx', html(db))
    bars = [float(h) for h in heights if float(h) not in (0, page.STRIP)]
    assert sorted(bars) == [page.HEIGHT / 2, page.HEIGHT]


@pytest.mark.parametrize("sectors", [1, 2, 127, 128, 129, 1000, 2**23])
def test_groups_of_sectors_cover_the_chip_once_and_show_the_worst(sectors):
    worst = {0: 3, sectors - 1: 7}
    groups = page.columns(worst, sectors)
    assert len(groups) == min(sectors, page.COLUMNS_MAX)
    assert groups[0][0] == 0 and groups[-1][1] == sectors - 1
    for (_, last, _), (first, _, _) in zip(groups, groups[1:]):
        assert first == last + 1
    assert groups[-1][2] == 7
    assert max(most for _, _, most in groups) == 7


def test_a_sector_is_shown_in_the_group_that_names_it():
    for sectors in (5, 129, 1000):
        for sector in range(sectors):
            groups = page.columns({sector: 1}, sectors)
            (group,) = [g for g in groups if g[2]]
            assert group[0] <= sector <= group[1]


def test_a_chip_that_was_never_erased_has_a_picture(db):
    example.add_run(db, wear={})
    assert Outline(html(db)).count["svg"] == 1
    assert "no erase" in html(db)
