"""page - one HTML page for a campaign: tables, and a picture of the wear. No scripts, one file.

The picture. Engines that did the same work stand under each other. The bars are erases of the
sectors, all on the scale of the worst sector of that scenario, so that heights can be compared
between engines; the dashed line is the mean. The strip below shows how even one engine is: a sector
as dark as its own worst is erased as often. Chips of many sectors are shown in groups, by the worst
of each.
"""

from html import escape

COLUMNS_MAX = 128
WIDTH, HEIGHT, STRIP, GAP = 720, 64, 8, 4

STYLE = """
:root { --ink: #23201d; --soft: #756f68; --line: #e4dfd8; --paper: #fdfcfa; --ember: #c9480c;
  --good: #2f7d4f; --bad: #b3261e; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #ece7e1; --soft: #9b948b; --line: #3a3632;
  --paper: #1b1917; --ember: #ff8a4c; --good: #74c997; --bad: #ff8a80; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.35rem; font-weight: 600; }
h2 { font-size: 1.05rem; font-weight: 600; margin: 2.5rem 0 .5rem; }
h3 { font-size: .95rem; font-weight: 600; margin: 1.75rem 0 .25rem; }
p, figcaption { color: var(--soft); margin: .25rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 500; color: var(--soft); }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.number, th.number { text-align: right; }
.holds { color: var(--good); } .broken { color: var(--bad); font-weight: 600; }
.none { color: var(--soft); }
figure { margin: .75rem 0 1.25rem; } figcaption b { color: var(--ink); font-weight: 600; }
svg { display: block; width: 100%; height: auto; margin: .25rem 0; }
svg rect { fill: var(--ember); } svg line { stroke: var(--line); }
svg .mean { stroke: var(--ink); stroke-dasharray: 3 4; opacity: .55; }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere; }
li { margin: .5rem 0; }
"""

NUMBERS = {"judged", "a second", "divergences", "erases", "lifetime"}
NUMBERS |= {"worst", "mean", "byte", "programs", "read", "mount", "held", "refused", "more"}
CLASS_OF = {"holds": "holds", "BROKEN": "broken"}


# --- the picture ---


def columns(erases, sectors):
    """[(first sector, last sector, most erases)]: groups of sectors, at most COLUMNS_MAX."""
    count = min(sectors, COLUMNS_MAX)
    most = [0] * count
    for sector, times in erases.items():
        at = sector * count // sectors
        most[at] = max(most[at], times)
    # the first sector of group g is the smallest s with s * count // sectors == g
    first = [-(-at * sectors // count) for at in range(count + 1)]
    return [(first[at], first[at + 1] - 1, most[at]) for at in range(count)]


def bar(x, width, column, scale, own):
    """One group of sectors: its bar, and its place in the strip below."""
    first, last, most = column
    where = f"sector {first}" if first == last else f"sectors {first} to {last}"
    height = max(most / scale * HEIGHT, 1.5 if most else 0)
    shade = 0.1 + 0.9 * most / own if most else 0.06
    top = HEIGHT + GAP
    return (
        f"<g><title>{where}: {most:,} erases</title>"
        f'<rect x="{x:.2f}" y="{HEIGHT - height:.2f}" width="{width:.2f}" height="{height:.2f}"'
        ' rx="1"/>'
        f'<rect x="{x:.2f}" y="{top}" width="{width:.2f}" height="{STRIP}" rx="1"'
        f' fill-opacity="{shade:.2f}"/></g>'
    )


def svg(erases, sectors, scale):
    """The wear of one chip. `erases` maps sectors to counts; `scale` is that at full height."""
    shown = columns(erases, sectors)
    step = WIDTH / len(shown)
    width = step - min(2, step / 4)
    own = max(erases.values(), default=0) or 1
    scale = scale or 1
    mean = HEIGHT - sum(erases.values()) / sectors / scale * HEIGHT
    bars = "\n".join(bar(i * step, width, column, scale, own) for i, column in enumerate(shown))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + GAP + STRIP}" role="img"'
        ' aria-label="erases of each sector">\n'
        f'<line x1="0" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}"/>\n{bars}\n'
        f'<line class="mean" x1="0" x2="{WIDTH}" y1="{mean:.2f}" y2="{mean:.2f}"/>\n</svg>'
    )


def wear_of(db, campaign, lifetime):
    """{scenario: [(caption, erases, sectors)]} for the runs that stand for their workload."""
    query = "select * from wear_summary where campaign = ? and sectors > 0"
    query += " order by scenario, engine, settings, chip, run"
    scenarios = {}
    for row in db.execute(query, (campaign["name"],)):
        found = db.execute("select sector, erases from wear where run = ?", (row["run"],))
        erases = {sector: times for sector, times in found}
        name = f"{row['engine']} {row['settings']}".strip()
        text = f"<b>{escape(name)}</b> on {escape(row['chip'] or 'a chip')}: "
        if erases:
            text += f"{row['erases']:,} erases, mean {row['erases_mean']:,.1f}, "
            text += f"worst sector {row['erases_max']:,}"
        else:
            text += "no erase"
        if row["lifetime_days"] is not None:
            span = lifetime(row["lifetime_days"], row["erases_max"])
            text += f"; worn out after {span}"
        scenarios.setdefault(row["scenario"], []).append((text, erases, row["sectors"]))
    return scenarios


def wear_section(scenarios):
    parts = ["<h2>Wear</h2>"]
    parts.append(
        "<p>Erases of each sector in the run without cuts. Bars of one scenario share a scale, the"
        " dashed line is the mean; the strip is dark where a sector comes near the engine's own"
        " worst.</p>"
    )
    for scenario, engines in scenarios.items():
        parts.append(f"<h3>{escape(scenario)}</h3>")
        scale = max((max(erases.values(), default=0) for _, erases, _ in engines), default=0)
        for caption, erases, sectors in engines:
            picture = svg(erases, sectors, scale)
            parts.append(f"<figure><figcaption>{caption}</figcaption>\n{picture}\n</figure>")
    return parts


# --- the tables ---


def cell(tag, text, kind=""):
    kind = f' class="{kind}"' if kind else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"


def rows_of(head, rows):
    """A table as HTML; rows are lists of (text, class)."""
    lines = ['<div class="wide"><table>', "<tr>" + "".join(cell("th", *c) for c in head) + "</tr>"]
    lines += ["<tr>" + "".join(cell("td", *c) for c in row) + "</tr>" for row in rows]
    return [*lines, "</table></div>"]


def work_section(work):
    kinds = ["number" if name in NUMBERS else "" for name in work[0]]
    head, *rows = [list(zip(row, kinds)) for row in work]
    return rows_of(head, rows)


def costs_section(costs, legend):
    if not costs:
        return []
    return ["<h2>What the work costs</h2>", *work_section(costs), f"<p>{escape(legend)}</p>"]


def claims_section(claims, notes):
    if not claims:
        return []
    classes = [name for name, _, _ in next(iter(claims.values()))]
    head = [("engine", ""), *((name, "") for name in classes)]
    rows = [
        [(engine, ""), *((text, CLASS_OF.get(finding, "none")) for _, finding, text in checks)]
        for engine, checks in claims.items()
    ]
    lines = [f"<p>{escape(note)}</p>" for note in notes]
    return ["<h2>Claim against finding</h2>", *rows_of(head, rows), *lines]


def gone_section(gone):
    if not gone:
        return []
    return ["<h2>Gone</h2>", "<ul>", *(f"<li>{escape(line)}</li>" for line in gone), "</ul>"]


def findings_section(findings, standing):
    parts = ["<h2>Divergences</h2>"]
    if not findings:
        return [*parts, "<p>None.</p>"]
    parts.append("<ul>")
    for row, classes, states in findings:
        kind = "broken" if row["claimed"] else "none"
        breach = f"{row['engine']} breaks {row['clause']}"
        known = standing.get(row["divergence"])
        known = f"; <b>{escape(known)}</b>" if known else ""
        parts.append(
            f'<li><span class="{kind}">{escape(breach)}</span>'
            f" in {escape(row['scenario'])}: {escape(classes)}; {states:,} crash states{known}<br>"
            f"{escape(row['finding'])}<br>"
            f"<code>brownout replay {escape(row['artefact'])}</code></li>"
        )
    return [*parts, "</ul>"]


def page(
    title, work, legend, claims, notes, findings, standing, gone, wear, costs=(), costs_legend=""
):
    """The whole page. `work` is rows of text with the head first; the rest as summary.py has it."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Brownout: {escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        *work_section(work),
        f"<p>{escape(legend)}</p>",
        *claims_section(claims, notes),
        *findings_section(findings, standing),
        *gone_section(gone),
        *costs_section(costs, costs_legend),
        *wear_section(wear),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"
