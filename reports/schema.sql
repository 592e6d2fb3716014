-- schema.sql - the results database of Brownout, schema 5.
--
-- One file holds many campaigns; a campaign holds runs; a run is one exploration of one scenario on
-- one engine, or one fuzz run. Passes are only counted, failures are kept whole. Beside
-- the runs a campaign holds comparisons: what the work of a scenario cost on an engine.
--
-- Invariants
--  1. Nothing is deleted and a finding is never taken back: not by a longer run, a shorter one, a
--     clean one or another build. Each execution is a run of its own, known by run.uid wherever its
--     row is copied. run.identity is equal for repetitions; views count the one that got furthest.
--  2. An engine is there once for each campaign, name and build; a divergence once for each engine,
--     clause and shape. Of all cases that show it the shortest text is kept, of equally short ones
--     the first in byte order.
--  3. What two files say of one row is joined by a rule that does not ask which came first: of a
--     run the state that got further, of a sighting the greater number, of a comparison the
--     younger. So files merge in any order and any number of times to the same content.
--  4. Numbers of 64 bits without a sign (seeds, shapes) are text of 16 hexadecimal digits. Moments
--     are text in UTC, "2026-02-28T23:59:59.123Z"; empty: unknown, of a file of schema 3.
--  5. Nothing but `started`, `ended` and `seconds` depends on a clock, nothing but `uid` on chance.
--  6. A campaign that is killed leaves its runs in the state 'running', its tasks 'open', and all
--     that was stored.
--
-- This text is built into the command and read by the Python tools, so all of them write the same
-- file. Another schema takes another user_version; files of different versions are never mixed.

pragma application_id = 1112690260; -- "BRNT"
pragma user_version = 8;

-- What made the file, for somebody who finds it.
create table meta (
    name text primary key, -- of the fact
    value text not null    -- the fact
) without rowid;
insert into meta values ('program', 'Brownout'), ('schema', '8');

-- The fault classes, from mild to hard, and `uncut` for what goes wrong without any cut.
create table class (
    name text primary key,  -- as the command spells it
    place integer not null, -- the order in which to show them
    summary text not null   -- one line
) without rowid;
insert into class values
    ('uncut', 0, 'no power cut: the engine must simply work'),
    ('edge', 1, 'the interrupted operation had not begun, or was complete'),
    ('prefix', 2, 'the first bytes of the interrupted operation are done'),
    ('bits', 3, 'any of the bits that were to change did'),
    ('zeros', 4, 'an erase had programmed bits before it set any'),
    ('weak', 5, 'bits that read differently later, or each time'),
    ('ecc', 6, 'units that read as errors, or as another value'),
    ('rot', 7, 'bits that flip at rest, sectors that are worn out'),
    ('fail', 8, 'a program or erase that answers an error, while the power stays on'),
    ('glitch', 9, 'a read that goes wrong once, while the power stays on'),
    ('lie', 10, 'a program or erase that answers ok and was not done'),
    ('stray', 11, 'a program or erase that cleared bits elsewhere, too');

-- The clauses of the contract that every engine is held to.
create table clause (
    name text primary key,  -- as a divergence spells it
    place integer not null, -- the order in which to show them
    promise text not null   -- what the clause promises; one line
) without rowid;
insert into clause values
    ('durable', 1, 'what returned OK before the cut is there after power-on'),
    ('atomic', 2, 'the operation in flight is there whole, or not at all'),
    ('settled', 3, 'what the first power-on shows, every later one shows'),
    ('ordered', 4, 'a queue and a log give what they hold in the order of writing'),
    ('alive', 5, 'after power-on the engine takes new operations and has lost no capacity'),
    ('bounded', 6, 'every call ends within a stated number of flash operations'),
    ('lawful', 7, 'the engine keeps the rules of the chip'),
    ('clean', 8, 'a call that fails changes nothing'),
    ('sane', 9, 'any image gives an answer or an error: no crash, no hang, no wild read'),
    ('honest', 10, 'rotten data are reported, never returned as good'),
    ('isolated', 11, 'a transaction shows as a whole or not at all; a snapshot stays as it is'),
    ('gone', 12, 'what was destroyed is nowhere in the image');

-- A set of runs that belong together: a night, a commit, one `make campaign`.
create table campaign (
    id integer primary key,    -- in this file only
    name text not null unique, -- the same on all machines that share the work
    started text not null,     -- the moment of the first thing in it; the newest has the latest
    series text not null default '', -- campaigns that follow each other, as the nights of a team:
                               -- what is new is asked within them; empty: of commands by hand
    ended text not null default ''   -- the moment of its end; empty: it goes on, was killed, or is
                               -- of commands by hand
);

-- What `brownout campaign` set out to do: one command, or a part of the plan that could not begin.
create table task (
    id integer primary key, -- in this file only
    campaign integer not null references campaign on delete cascade, -- it belongs to
    name text not null,     -- for people: "settings-store on seqmap, depth 2"
    key text not null,      -- SHA-256 of what decides its outcome: program, plug-in, scenario and
                            -- options; equal for what need not be done again
    state text not null check (state in ('open', 'done', 'stopped', 'refused', 'failed')), -- done:
                            -- all of it; stopped: for want of time; open: still, or it was killed
    judged integer not null default 0, -- crash states judged
    waived integer not null default 0, -- breaches that a waiver kept from being reported
    reason text not null default '',   -- why it did not run or failed
    unique (campaign, key)
);
create index task_by_key on task (key, state);

-- A build of an engine as a campaign met it.
create table engine (
    id integer primary key, -- in this file only
    campaign integer not null references campaign on delete cascade, -- where it took part
    name text not null,     -- as a scenario spells it
    build text not null,    -- SHA-256 of its code: of the sources of the engines that are built in,
                            -- of a plug-in's file; empty: unknown
    summary text not null,  -- one line, by the engine's author
    widened text,           -- why its contract is wider than the clauses say; null: it is not
    unique (campaign, name, build)
);

-- Which fault classes an engine says it survives with no option given. One row for each engine and
-- class.
create table claim (
    engine integer not null references engine on delete cascade, -- who claims
    class text not null references class,                        -- what
    claimed integer not null check (claimed in (0, 1)),          -- 1: it survives that
    primary key (engine, class)
) without rowid;

-- One exploration of one scenario on one engine, or one fuzz run.
create table run (
    id integer primary key,        -- in this file only
    uid text not null unique,      -- 32 hexadecimal digits of chance: this execution
    identity text not null,        -- SHA-256 of everything that decides the outcome: engine and its
                                   -- build, scenario, options; equal for repetitions
    campaign integer not null references campaign on delete cascade, -- it belongs to
    engine integer not null references engine on delete cascade,     -- under test
    revision text not null,        -- the commit that Brownout was built from, "-dirty" when it was
                                   -- changed since; empty: unknown
    host text not null,            -- the machine's name; empty: unknown
    started text not null,         -- the moment
    command text not null,         -- as it was typed, for a shell; empty: unknown
    script text not null,          -- SHA-256 of the chip, options and operations that ran
    kind text not null check (kind in ('run', 'explore', 'fuzz')),   -- the command that made it
    scenario text not null,        -- its name; of the fuzzer's own scenarios 'fuzz'
    path text,                     -- the scenario's file as typed; null: there is none
    settings text not null,        -- the engine's options, "name=value" with blanks between
    chip text,                     -- the part's name; null, with the geometry, when it varied
    sector_size integer,           -- bytes of an erase
    sector_count integer,          -- sectors of the chip
    page_size integer,             -- bytes of the largest program
    unit integer,                  -- bytes of the smallest program
    read_unit integer,             -- bytes of the smallest read
    erased integer,                -- value of an erased byte
    programs_per_unit integer,     -- programs of a unit between erases; 0: no limit
    tear_scope text,               -- what a torn program may damage: unit, page or sector
    endurance integer,             -- erases of a sector that the vendor promises; null: unknown
    every_ns integer,              -- time between two operations of the workload; null: not stated
    faults text not null,          -- fault classes tried, "edge,prefix"; empty: no cuts
    depth integer not null,        -- cuts on one path; 0: no cuts
    reach integer not null,        -- operations after a cut that are cut too; 0: all
    bits_max integer not null,     -- single-bit tears tried for one operation; 0: all
    masks integer not null,        -- random masks tried for one operation
    prefixes_max integer not null, -- erase prefixes tried for one operation; 0: all
    used integer not null,         -- 1: the engine was exercised after each recovery
    dedup integer not null,        -- 1: crash states met before were skipped
    seed text not null,            -- 16 hexadecimal digits
    shard integer not null,        -- part of the first-level cuts, from 0
    shards integer not null,       -- parts in all, from 1
    state text not null check (state in ('running', 'stopped', 'done')), -- stopped: by Ctrl-C or a
                                   -- limit; running: still, or it was killed
    cuts integer not null default 0,       -- programs and erases at which power was cut
    states integer not null default 0,     -- crash states met: judged, skipped, and those of an
                                           -- engine that took no value, which are no verdict
    judged integer not null default 0,     -- crash states recovered and compared with the model
    skipped integer not null default 0,    -- crash states met before
    mounts integer not null default 0,     -- power-ons of the engine
    operations integer not null default 0, -- operations of the run without cuts
    seconds real not null default 0        -- wall time
);
create index run_by_campaign on run (campaign, engine, scenario);
create index run_by_identity on run (identity);
create index run_by_script on run (script, started desc, uid desc);

-- What the run without cuts cost the chip. At most one row for each run.
create table counts (
    run integer primary key references run on delete cascade, -- whose
    reads integer not null,            -- read calls
    programs integer not null,         -- program calls
    erases integer not null,           -- erase calls
    bytes_read integer not null,       -- bytes of the read calls
    bytes_programmed integer not null, -- bytes of the program calls
    refused integer not null,          -- calls that the chip refused
    time_ns integer not null           -- simulated time, by the typical times of the part
);

-- Erases of each sector in the run without cuts. Sectors that were never erased have no row.
create table wear (
    run integer not null references run on delete cascade, -- whose
    sector integer not null,                               -- from 0
    erases integer not null check (erases > 0),            -- of that sector
    primary key (run, sector)
) without rowid;

-- How many crash states were judged, by the class of the last tear on the path. For `uncut`: the
-- operations of the run without cuts.
create table judged (
    run integer not null references run on delete cascade, -- whose
    class text not null references class,                  -- of the last tear
    states integer not null check (states > 0),            -- judged
    primary key (run, class)
) without rowid;

-- A difference between engine and model, once for each way of looking different.
create table divergence (
    id integer primary key,  -- in this file only
    campaign integer not null references campaign on delete cascade, -- where it was seen
    engine integer not null references engine on delete cascade,     -- that differs
    clause text not null,    -- the clause that is broken
    shape text not null,     -- 16 hexadecimal digits, equal for what looks like the same bug
    finding text not null,   -- what was expected and what came back
    scenario text not null,  -- the name of the scenario of the case kept
    path text,               -- its file as typed; null: there is none
    line integer not null,   -- line in that file of the operation that was cut last; 0: unknown
    artefact text not null,  -- file name for the case: divergence-<SHA-256 of its text>.case
    text text not null,      -- the case: save it under that name and replay it
    unique (campaign, engine, clause, shape)
);
create index divergence_by_shape on divergence (shape);

-- Which run saw which divergence, how often, and which fault class it is charged to. That is the
-- class of the last tear, unless a tear on the path belongs to a class that the engine does not
-- claim: then it is that one, so that no engine is blamed for what it never claimed.
create table sighting (
    run integer not null references run on delete cascade,               -- that saw it
    divergence integer not null references divergence on delete cascade, -- what it saw
    class text not null references class,                                -- charged to
    states integer not null check (states > 0),                          -- that showed it
    primary key (run, divergence, class)
) without rowid;
create index sighting_by_divergence on sighting (divergence);

-- A case of a random scenario or a fuzz driver that a campaign replayed in the end, as nothing
-- explores it again.
create table looked (
    campaign integer not null references campaign on delete cascade, -- that did so
    engine text not null,   -- its name
    clause text not null,   -- that the case is about
    shape text not null,    -- with engine and clause: which divergence
    started text not null,  -- the moment
    shown integer not null check (shown in (0, 1)), -- 1: it showed a divergence
    primary key (campaign, engine, clause, shape)
) without rowid;

-- What the work of a scenario cost on one engine: what `brownout wear` counts. One row for each
-- rate of power cuts; the figures are of the operations alone, not of format and first power-on nor
-- of what the harness does to check.
create table comparison (
    id integer primary key,        -- in this file only
    identity text not null unique, -- SHA-256 of everything that decides the figures
    started text not null,         -- the moment; of two with one identity the younger is kept
    work text not null,            -- the same without the power cuts: equal where only they differ
    campaign integer not null references campaign on delete cascade, -- it belongs to
    engine integer not null references engine on delete cascade,     -- at work
    scenario text not null,        -- its name
    path text,                     -- the scenario's file as typed
    settings text not null,        -- the engine's options, "name=value" with blanks between
    chip text not null,            -- the part's name
    sector_size integer not null,  -- bytes of an erase
    sector_count integer not null, -- sectors of the chip
    page_size integer not null,    -- bytes of the largest program
    unit integer not null,         -- bytes of the smallest program
    endurance integer,             -- erases of a sector that the vendor promises; null: unknown
    every_ns integer,              -- time between two operations; null: not stated
    cuts integer not null,         -- operations that lose power, of each `cuts_of` ...
    cuts_of integer not null,      -- ... on average; 0 of 1: no power cuts
    faults text not null,          -- fault classes of the cuts; empty: no cuts
    seed text not null,            -- of the cuts, 16 hexadecimal digits
    operations integer not null default 0,       -- of the work
    refused integer not null default 0,          -- operations that the engine did not do
    payload integer not null default 0,          -- bytes of the values and items that were put in,
                                                 -- and of the keys of the values
    held integer not null default 0,             -- keys or items at the end
    held_least integer,                          -- items once the oldest were overwritten; null:
                                                 -- they never were
    reads integer not null default 0,            -- read calls
    programs integer not null default 0,         -- program calls
    erases integer not null default 0,           -- erase calls
    bytes_read integer not null default 0,       -- bytes of the read calls
    bytes_programmed integer not null default 0, -- bytes of the program calls
    time_ns integer not null default 0,          -- simulated time, by the part's typical times
    programs_most integer not null default 0,    -- program calls of one operation
    time_ns_most integer not null default 0,     -- flash time of one operation
    erases_max integer not null default 0,       -- of the most worn sector
    erases_mean real not null default 0,         -- of a sector
    erases_deviation real not null default 0,    -- standard deviation over the sectors
    mount_reads integer not null default 0,      -- read calls of a mount at the end
    mount_bytes_read integer not null default 0, -- bytes of them
    mount_reads_most integer not null default 0, -- read calls of the mount with the most
    mount_bytes_read_most integer not null default 0, -- bytes of them
    lifetime_ns real,                            -- until the most worn sector is worn out; null:
                                                 -- never or unknown
    cut_in_program integer not null default 0,   -- power cuts inside a program
    cut_in_erase integer not null default 0,     -- power cuts inside an erase
    cut_after integer not null default 0,        -- power cuts after one that writes nothing
    redone integer not null default 0            -- operations that were done again
);
create index comparison_by_campaign on comparison (campaign, scenario, engine);

-- What to call an engine: its name, and where a campaign met several builds of it a part of the
-- digest too.
create view tested as
select
    id as engine, -- its row
    campaign as campaign, -- where it took part
    case when count(*) over (partition by campaign, name) = 1 then name
        else name || ' ' || substr(build || '????????', 1, 8) end as label -- the name to show
from engine;

-- One run to stand for its repetitions, the one that got furthest: what it counts must not be added
-- up. What was found is what any of them saw. For joins: by itself it says nothing.
create view furthest as
select id as run -- the run that stands for the others
from (
    select id, row_number() over (
        partition by identity order by state = 'done' desc, judged desc, uid) as place
    from run)
where place = 1;

-- One run to stand for all that ran the same workload: the shards of an exploration run the same
-- operations without cuts, so their wear is the same and must not be added up. For joins: by itself
-- it says nothing.
create view workload as
select id as run -- the run that stands for the others
from (
    select id, row_number() over (
        partition by campaign, engine, scenario, settings, chip, sector_size, sector_count,
            page_size, unit, read_unit, erased, programs_per_unit, tear_scope
        order by state = 'done' desc, operations desc, identity, uid) as place
    from run
    where exists (select 1 from counts where counts.run = run.id))
where place = 1;

-- Is the wear even, which sector goes first, and when?
create view wear_summary as
select
    campaign.name as campaign,         -- of the run
    tested.label as engine,            -- under test
    run.scenario as scenario,          -- the workload
    run.settings as settings,          -- the engine's options
    run.chip as chip,                  -- the part
    run.sector_count as sectors,       -- of the chip
    count(wear.sector) as sectors_erased, -- sectors erased at least once
    coalesce(sum(wear.erases), 0) as erases,     -- of all sectors
    coalesce(max(wear.erases), 0) as erases_max, -- of the worst sector
    case when count(wear.sector) < run.sector_count then 0
        else min(wear.erases) end as erases_min, -- of the best sector
    1.0 * coalesce(sum(wear.erases), 0) / run.sector_count as erases_mean, -- of a sector
    run.endurance as endurance,        -- erases that the vendor promises; null: unknown
    run.operations as operations,      -- of the workload
    case when max(wear.erases) > 0 and run.operations > 0
        then 1.0 * run.endurance * run.operations / max(wear.erases)
    end as lifetime_operations,        -- until the worst sector is worn out; null: never or unknown
    case when max(wear.erases) > 0 and run.operations > 0
        then 1.0 * run.endurance * run.operations / max(wear.erases) * run.every_ns / 86400e9
    end as lifetime_days,              -- the same in days; null: also when no pace was stated
    run.id as run                      -- its row
from workload
join run on run.id = workload.run
join campaign on campaign.id = run.campaign
join tested on tested.engine = run.engine
left join wear on wear.run = run.id
group by run.id;

-- The ten most erased sectors of each workload.
create view worst_sector as
select
    campaign.name as campaign, -- of the run
    tested.label as engine,    -- under test
    run.scenario as scenario,  -- the workload
    ranked.place as place,     -- 1: the worst
    ranked.sector as sector,   -- from 0
    ranked.erases as erases,   -- of that sector
    100.0 * ranked.erases / run.endurance as percent_of_endurance, -- null: endurance unknown
    run.id as run              -- its row
from (
    select wear.run, wear.sector, wear.erases,
        row_number() over (partition by wear.run order by wear.erases desc, wear.sector) as place
    from workload join wear on wear.run = workload.run) as ranked
join run on run.id = ranked.run
join campaign on campaign.id = run.campaign
join tested on tested.engine = run.engine
where ranked.place <= 10;

-- Does each engine keep what it claims?
create view claim_check as
select
    campaign.name as campaign,            -- where it was tried
    tested.label as engine,               -- who claims
    claim.class as class,                 -- what
    claim.claimed as claimed,             -- 1: it says that it survives that
    coalesce(tried.states, 0) as judged,  -- crash states judged; for `uncut` operations
    coalesce(seen.divergences, 0) as divergences, -- different ones, charged to this class
    case
        when claim.claimed = 0 then 'not claimed'
        when coalesce(seen.divergences, 0) > 0 then 'BROKEN'
        when coalesce(tried.states, 0) = 0 then 'not tried'
        else 'holds'
    end as finding                        -- the verdict
from claim
join tested on tested.engine = claim.engine
join campaign on campaign.id = tested.campaign
join class on class.name = claim.class
left join (
    select run.engine, judged.class, sum(judged.states) as states
    from furthest join judged on judged.run = furthest.run join run on run.id = furthest.run
    group by run.engine, judged.class) as tried
    on tried.engine = claim.engine and tried.class = claim.class
left join (
    select run.engine, sighting.class, count(distinct sighting.divergence) as divergences
    from sighting join run on run.id = sighting.run
    group by run.engine, sighting.class) as seen
    on seen.engine = claim.engine and seen.class = claim.class
order by campaign.started, campaign.name, tested.label, class.place;

-- What was found, the broken claims first. One row for each divergence and class it is charged to.
-- `export.py --cases FOLDER` writes the case files that the column artefact names.
create view finding as
select
    campaign.name as campaign,         -- where it was seen
    tested.label as engine,            -- that differs
    divergence.clause as clause,       -- that is broken
    seen.class as class,               -- of the fault it is charged to
    claim.claimed as claimed,          -- 1: the engine claims to survive that
    sum(seen.states) as states,        -- crash states that showed it
    divergence.shape as shape,         -- with engine and clause: which one it is
    divergence.scenario as scenario,   -- of the case kept
    divergence.path as path,           -- of that scenario
    divergence.line as line,           -- in it
    divergence.finding as finding,     -- what was expected and what came back
    divergence.artefact as artefact,   -- file name for the case
    divergence.id as divergence        -- its row
from divergence
join (
    select sighting.divergence, sighting.class, max(sighting.states) as states
    from sighting join run on run.id = sighting.run
    group by sighting.divergence, sighting.class, run.identity) as seen
    on seen.divergence = divergence.id
join tested on tested.engine = divergence.engine
join campaign on campaign.id = divergence.campaign
join claim on claim.engine = divergence.engine and claim.class = seen.class
left join clause on clause.name = divergence.clause
join class on class.name = seen.class
group by divergence.id, seen.class
order by campaign.started, campaign.name, claim.claimed desc, tested.label, clause.place,
    class.place, divergence.shape;

-- A line for each engine and scenario: how much was tried, how fast, what came out.
create view summary as
select
    campaign.name as campaign,            -- of the runs
    tested.label as engine,               -- under test
    run.scenario as scenario,             -- the workload
    count(*) as runs,                     -- shards and repetitions with other options
    sum(run.state = 'done') as runs_done, -- that came to their end
    sum(run.state = 'running') as runs_open, -- that still run or were killed
    sum(run.cuts) as cuts,                -- programs and erases at which power was cut
    sum(run.states) as states,            -- crash states met
    sum(run.judged) as judged,            -- crash states judged
    sum(run.skipped) as skipped,          -- crash states met before
    sum(run.mounts) as mounts,            -- power-ons of the engine
    sum(run.seconds) as seconds,          -- wall time, added up
    case when sum(run.seconds) > 0
        then sum(run.judged) / sum(run.seconds) end as judged_per_second, -- null: no time taken
    (select count(distinct sighting.divergence) from sighting
        join run as r on r.id = sighting.run
        where r.campaign = run.campaign and r.engine = run.engine
            and r.scenario = run.scenario) as divergences, -- different ones, claimed or not
    (select count(distinct sighting.divergence) from sighting
        join run as r on r.id = sighting.run
        join claim on claim.engine = r.engine and claim.class = sighting.class
        where claim.claimed = 1 and r.campaign = run.campaign and r.engine = run.engine
            and r.scenario = run.scenario) as broken,      -- different ones, against the claims
    worn.erases_max as erases_max,        -- of the worst sector; null: no result yet
    worn.lifetime_days as lifetime_days   -- null: never or unknown
from furthest
join run on run.id = furthest.run
join campaign on campaign.id = run.campaign
join tested on tested.engine = run.engine
left join (
    select r.campaign, r.engine, r.scenario, max(erases_max) as erases_max,
        min(lifetime_days) as lifetime_days
    from wear_summary join run as r on r.id = wear_summary.run
    group by r.campaign, r.engine, r.scenario) as worn
    on worn.campaign = run.campaign and worn.engine = run.engine
    and worn.scenario = run.scenario
group by run.campaign, run.engine, run.scenario
order by campaign.started, campaign.name, run.scenario, tested.label;

-- Which run looked again for what an older one had seen, and did not see it? It covers the older
-- one: the same engine by name, of any build, the same operations, no fault class and no cut less,
-- to its end. For the view history.
create view missed as
select
    sighting.run as run,               -- that saw it
    sighting.divergence as divergence, -- what it saw
    younger.id as missed_by            -- the run that did not
from sighting
join divergence on divergence.id = sighting.divergence
join engine on engine.id = divergence.engine
join run as older on older.id = sighting.run
join run as younger on younger.script = older.script
    and (younger.started, younger.uid) > (older.started, older.uid)
    and younger.state = 'done' and younger.kind = 'explore' and older.kind = 'explore'
    and younger.depth >= older.depth and younger.reach in (0, older.reach)
    and younger.bits_max in (0, older.bits_max) and younger.masks = older.masks
    and younger.prefixes_max in (0, older.prefixes_max) and younger.used >= older.used
    and younger.seed = older.seed
    and (younger.shards = 1 or (younger.shards = older.shards and younger.shard = older.shard))
join engine as again on again.id = younger.engine and again.name = engine.name
where not exists (
        select 1 from class
        where instr(',' || older.faults || ',', ',' || class.name || ',')
            and not instr(',' || younger.faults || ',', ',' || class.name || ','))
    and not exists (
        select 1 from sighting as seen join divergence as same on same.id = seen.divergence
        where seen.run = younger.id and same.clause = divergence.clause
            and same.shape = divergence.shape);

-- Which case was replayed, once with its divergence and later without? For the view history.
create view mended as
select
    looked.engine as engine,       -- that differed
    looked.clause as clause,       -- that was broken
    looked.shape as shape,         -- which one
    max(looked.started) as started -- when it was replayed without
from looked join looked as before on before.engine = looked.engine
    and before.clause = looked.clause and before.shape = looked.shape
    and before.shown = 1 and before.started < looked.started
where looked.shown = 0
group by looked.engine, looked.clause, looked.shape;

-- What was seen, not missed by any younger run, and not mended since. For the view history.
create view unmissed as
select
    divergence.campaign as campaign, -- where it was seen
    campaign.series as series,       -- it belongs to
    engine.name as engine,           -- that differs, whatever its build
    divergence.clause as clause,     -- that is broken
    divergence.shape as shape        -- which one
from divergence
join campaign on campaign.id = divergence.campaign
join engine on engine.id = divergence.engine
join sighting on sighting.divergence = divergence.id
join run on run.id = sighting.run
where not exists (select 1 from missed
        where missed.run = sighting.run and missed.divergence = sighting.divergence)
    and not exists (select 1 from mended
        where mended.engine = engine.name and mended.clause = divergence.clause
            and mended.shape = divergence.shape and mended.started > run.started);

-- The campaigns of each series from the oldest to the newest.
create view timeline as
select
    it.campaign as campaign, -- its row
    it.name as name,         -- of it
    it.series as series,     -- it belongs to
    it.place as place,       -- 1: the oldest
    it.place <= max(case when it.place < it.campaigns and it.ended then it.place else 0 end)
        over (partition by it.series)
        as reported          -- 1: what it found was reported before the newest: it, or one after
                             -- it, came to its end
from (
    select id as campaign, name, series, series = '' or ended <> '' as ended,
        row_number() over (partition by series order by started, name) as place,
        count(*) over (partition by series) as campaigns
    from campaign) as it;

-- Since when is a divergence known, and is it still seen? Asked in each series of campaigns.
create view history as
select
    known.series as series,       -- of the campaigns
    known.engine as engine,       -- that differs, whatever its build
    known.clause as clause,       -- that is broken
    known.shape as shape,         -- which one
    known.campaigns as campaigns, -- that saw it
    oldest.name as first_seen,    -- the oldest campaign that saw it
    newest.name as last_seen,     -- the newest one
    case
        when exists (select 1 from unmissed -- the newest one by itself, where it is found soon
            where unmissed.campaign = shown.campaign and unmissed.engine = known.engine
                and unmissed.clause = known.clause and unmissed.shape = known.shape) then 'known'
        when exists (select 1 from unmissed
            where unmissed.campaign in (select campaign from timeline where reported)
                and unmissed.series = known.series and unmissed.engine = known.engine
                and unmissed.clause = known.clause and unmissed.shape = known.shape) then 'known'
        when exists (select 1 from unmissed
            where unmissed.series = known.series and unmissed.engine = known.engine
                and unmissed.clause = known.clause and unmissed.shape = known.shape) then 'new'
        else 'gone'
    end as state                  -- gone: each run that saw it was covered by a younger one that
                                  -- did not, or its case shows it no more; new: not gone, and no
                                  -- campaign that was reported shows it, so what was gone may be
                                  -- new again
from (
    select timeline.series, engine.name as engine, divergence.clause as clause,
        divergence.shape as shape,
        count(distinct timeline.place) as campaigns, min(timeline.place) as oldest,
        max(timeline.place) as newest,
        max(case when timeline.reported then timeline.place end) as last_reported
    from divergence
    join engine on engine.id = divergence.engine
    join timeline on timeline.campaign = divergence.campaign
    group by timeline.series, engine.name, divergence.clause, divergence.shape) as known
join timeline as oldest on oldest.place = known.oldest and oldest.series = known.series
join timeline as newest on newest.place = known.newest and newest.series = known.series
left join timeline as shown on shown.place = known.last_reported and shown.series = known.series
order by known.series, known.engine, known.clause, known.shape;

-- What does the work cost on each engine, and what do power cuts add to it?
create view cost as
select
    campaign.name as campaign,         -- of the comparison
    it.scenario as scenario,           -- the work
    tested.label as engine,            -- at work
    it.settings as settings,           -- the engine's options
    it.chip as chip,                   -- the part
    it.sector_count as sectors,        -- of it
    case when it.cuts > 0 then it.cuts || '/' || it.cuts_of end as cut_rate, -- null: no cuts
    it.cut_in_program + it.cut_in_erase + it.cut_after as cuts, -- power cuts that took place
    it.operations as operations,       -- of the work
    it.refused as refused,             -- of them, not done
    it.held as held,                   -- keys or items at the end
    it.held_least as held_least,       -- items once it overwrote; null: it never did
    it.erases as erases,               -- of all sectors
    it.erases_max as erases_max,       -- of the most worn sector
    it.erases_mean as erases_mean,     -- of a sector
    it.erases_deviation as erases_deviation, -- standard deviation over the sectors
    case when it.payload > 0
        then 1.0 * it.bytes_programmed / it.payload end as bytes_per_payload_byte, -- programmed
    1.0 * it.programs / max(it.operations, 1) as programs_per_operation, -- program calls
    1.0 * it.bytes_read / max(it.operations, 1) as bytes_read_per_operation, -- bytes
    it.mount_reads_most as mount_reads_most, -- read calls of the worst mount
    it.time_ns / 1e9 as flash_seconds, -- simulated
    it.lifetime_ns / 86400e9 as lifetime_days, -- null: never or unknown
    1.0 * (it.erases - uncut.erases) / nullif(it.cut_in_program + it.cut_in_erase + it.cut_after,
        0) as more_erases_per_cut,     -- against the same work uncut; null: no cuts
    1.0 * (it.programs - uncut.programs) / nullif(it.cut_in_program + it.cut_in_erase
        + it.cut_after, 0) as more_programs_per_cut, -- the same of program calls
    it.id as comparison                -- its row
from comparison as it
join campaign on campaign.id = it.campaign
join tested on tested.engine = it.engine
left join comparison as uncut on uncut.work = it.work and uncut.cuts = 0
order by campaign.started, campaign.name, it.scenario, it.cuts > 0, 1.0 * it.cuts / it.cuts_of,
    tested.label, it.settings;
