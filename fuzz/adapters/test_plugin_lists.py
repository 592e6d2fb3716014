"""Queues and logs of users, given by --plugin: what an adapter may leave out or refuse.

The plug-ins are the queue of examples/plugin with one thing changed, compiled here.
"""


import pytest
from conftest import ROOT
from harness import USAGE, Harness, changed_entry, shared_object

EXAMPLE = (ROOT / "examples/plugin/snapshot_queue.c").read_text()
BEFORE = f"""{EXAMPLE.replace("*brownout_adapter(void)", "*queue_entry(void)")}
static struct adapter adapter;
static struct adapter_list list;
"""
AFTER = changed_entry("snapshot_queue", "list", "queue_calls")
QUEUE = """chip generic sectors=2 sector=128 page=64 unit=4
engine changed

push "one"
push "second"
pop
push "third"
look
"""


@pytest.fixture(scope="module")
def harness(brownout, tmp_path_factory):
    return Harness(brownout, tmp_path_factory.mktemp("plugin-lists"))


@pytest.fixture(scope="module")
def plugin(harness):
    """plugin(name, text) compiles the queue with these functions; the path of the object."""

    def build(name, text):
        return shared_object(harness.folder, name, BEFORE + text + AFTER, "-O1")

    return build


def explore(harness, plugin, text, *options):
    explored = harness.explore(text, "--plugin", plugin, *options)
    assert explored.states or explored.found
    return explored


def test_a_sound_queue_is_clean(harness, plugin):
    explored = explore(harness, plugin("sound", "static void change(void) {}"), QUEUE)
    assert explored.found == [] and explored.judged > 100


# One append takes the place of three items, each of which was written into the other sector.
UNEVEN = """chip generic sectors=2 sector=160 page=32 unit=16 read=16
engine changed

append empty
push empty
push fill 0x64 85
append fill 0x65 58
look
"""


def test_an_append_may_drop_all_where_each_item_goes_to_the_other_sector(harness, plugin):
    sound = plugin("sound", "static void change(void) {}")
    explored = explore(harness, sound, UNEVEN, "--prefixes", 2, "--bits", 2, "--masks", 1)
    assert explored.found == [] and explored.judged > 100


# Answers that a queue gives where it can't do a thing.
REFUSING = """
static enum answer no_fits(void *object, uint32_t *size)
{
    (void)object, (void)size;
    return ANSWER_UNSUPPORTED;
}
static enum answer no_append(void *object, const void *data, uint32_t size, uint64_t time)
{
    (void)object, (void)data, (void)size, (void)time;
    return ANSWER_UNSUPPORTED;
}
static enum answer no_pop(void *object, uint32_t place, void *buffer, uint32_t capacity,
                          uint32_t *size)
{
    (void)object, (void)place, (void)buffer, (void)capacity, (void)size;
    return ANSWER_UNSUPPORTED;
}
static void change(void) { %s; }
"""


@pytest.mark.parametrize(
    "refuses",
    [
        "list.fits = no_fits",
        "list.append = no_append",
        "list.append = no_append, list.pop = no_pop",
    ],
)
def test_what_is_unsupported_here_is_no_divergence(harness, plugin, refuses):
    changed = plugin(f"refuses-{len(refuses)}", REFUSING % refuses)
    explored = explore(harness, changed, QUEUE)
    assert explored.found == [] and explored.judged > 100


def test_a_queue_without_pop_and_append_is_filled_up(harness, plugin):
    """An item that the exercise has pushed is lost when it is full: found all the same."""
    loses = REFUSING % "list.append = no_append, list.pop = no_pop, list.push = losing_push"
    losing = """
static enum answer losing_push(void *object, const void *data, uint32_t size)
{
    struct store *store = object;
    enum answer answer = queue_push(object, data, size);
    if (answer == ANSWER_FULL) commit(store, copy_without(store, item_at(store, 0)));
    return answer;
}
"""
    changed = plugin("loses", loses.replace("static void change", losing + "static void change"))
    assert explore(harness, changed, QUEUE).clauses & {"durable", "clean"}


# --- what an adapter need not have ---

LOG = QUEUE.replace("push", "append").replace("pop\n", "mount\n") + 'newest "third"\n'
# A log without numbers, which gives up the oldest item where there is no room.
NUMBERLESS = "adapter.kind = ADAPTER_LOG, list.numberless = true, list.push = NULL, list.pop = NULL"
NO_POP = "list.pop = NULL, list.peek = NULL"
# Items change places once they are three.
SWAPS = """
static enum answer swapping_append(void *object, const void *data, uint32_t size, uint64_t time)
{
    struct store *store = object;
    uint32_t before = store->size;
    enum answer answer = queue_append(object, data, size, time);
    const uint8_t *item = item_at(store, 0);
    if (answer != ANSWER_OK || before < 13) return answer;
    uint32_t rest = copy_without(store, item);
    memcpy(store->next + HEADER + rest, item, setting_size(item));
    return commit(store, store->size) ? ANSWER_FLASH : ANSWER_OK;
}
static void change(void) { list.append = swapping_append, %s; }
"""
LACKING = {
    "a log without numbers": (LOG, NUMBERLESS),
    "a queue without push": (LOG, "list.push = NULL"),
    "a queue without push and pop": (LOG, f"list.push = NULL, {NO_POP}"),
    "a queue without pop": (LOG.replace("append", "push"), NO_POP),
    "a queue without each": (QUEUE, "list.each = NULL"),
    "a queue without each and push": (LOG, "list.each = NULL, list.push = NULL"),
}


@pytest.mark.parametrize("lack", LACKING)
def test_what_an_engine_lacks_is_no_divergence(harness, plugin, lack):
    text, change = LACKING[lack]
    changed = plugin(lack.replace(" ", "-"), f"static void change(void) {{ {change}; }}")
    explored = explore(harness, changed, text)
    assert explored.found == [] and explored.judged > 100


@pytest.mark.parametrize("lack", [lack for lack in LACKING if lack != "a queue without pop"])
def test_order_is_judged_whatever_an_engine_lacks(harness, plugin, lack):
    _, change = LACKING[lack]
    changed = plugin("swaps-" + lack.replace(" ", "-"), SWAPS % change)
    explored = explore(harness, changed, LOG, "--faults", "edge")
    assert explored.clauses & {"ordered", "atomic", "durable"}
    for found in explored.found:
        assert harness.replay(found.path, "--plugin", changed)[0] == found.clause


@pytest.mark.parametrize(
    "change, lack",
    [
        ("list.each = NULL, list.pop = NULL", "each and pop"),
        ("list.push = NULL, list.append = NULL", "push and append"),
        ("adapter.kind = ADAPTER_LOG, list.append = NULL", "append"),
    ],
)
def test_a_list_that_takes_or_shows_nothing_is_refused(brownout, harness, plugin, change, lack):
    changed = plugin(f"lacks-{len(change)}", f"static void change(void) {{ {change}; }}")
    done = brownout("run", harness.write(QUEUE), "--plugin", changed)
    assert done.returncode == USAGE and f"its adapter lacks {lack}\n" in done.stderr
