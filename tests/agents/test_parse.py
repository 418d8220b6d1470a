import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbank.agents.parse import read

STRICT = {
    "Thought: I look.\nAction: look": ("I look.", "look"),
    "Thought: two\nlines\n\nAction: search[red shoes]\n": ("two\nlines", "search[red shoes]"),
    "Thought: say Action: no\nAction: finish[Action: yes]": ("say Action: no", "finish[Action: yes]"),
    "Thought: long answer\nAction: finish[one\ntwo [three]\nfour]": ("long answer", "finish[one\ntwo [three]\nfour]"),
    "Thought: Überlegung 思考\nAction: 行く": ("Überlegung 思考", "行く"),
}
LENIENT = {
    "Action: look": ("", "look"),
    "Act: look": ("", "look"),
    "Thought: t\nAct: look": ("t", "look"),
    "thought: t\naction: look": ("t", "look"),
    "**Thought:** t\n**Action:** look": ("t", "look"),
    "**Thought**: t\n**Action**: look": ("t", "look"),
    "Thought 3: t\nAction 3: look": ("t", "look"),
    "I think so.\nAction: look": ("I think so.", "look"),
    "Thought: t\nAction:\nlook": ("t", "look"),
    "Thought: t\nAction: look\n\nI hope that helps!": ("t", "look"),
    "Thought: t\nAction: look\nAction: go north": ("t", "look"),
    "Thought: t\nAction: look\nThought: u\nAction: go": ("t", "look"),
    "Thought: t\nAction: look\nObservation: You see a door.\nThought: u": ("t", "look"),
    "Thought: t. Action: look": ("t.", "look"),
    "Thought: t\nAction: `look`": ("t", "look"),
    'Thought: t\nAction: "look"': ("t", "look"),
    "Thought: t\nAction: ```look```": ("t", "look"),
    "Thought: t\nAction:\n```\nlook\n```": ("t", "look"),
    "Thought: t\nAction: finish[half\nof it": ("t", "finish[half"),
    "<think>Action: no\n</think>\nThought: t\nAction: look": ("t", "look"),
    "Thought:\nAction: look": ("", "look"),
    "Thought: t\n  Action: look": ("t", "look"),
    "Observation: a door\nThought: t\nAction: look": ("Observation: a door\nThought: t", "look"),
}
NONE = [
    "",
    " \n ",
    "I would like to buy shoes.",
    "Thought: hm",
    "Thought: hm\nAction:",
    "Action: ```",
    "\x00\xff",
    "Thought",
]


@pytest.mark.parametrize("text", STRICT)
def test_the_form_asked_for_is_strict(text):
    assert read(text) == (*STRICT[text], "strict")


@pytest.mark.parametrize("text", LENIENT)
def test_what_can_be_recovered_is_lenient(text):
    assert read(text) == (*LENIENT[text], "lenient")


@pytest.mark.parametrize("text", NONE)
def test_no_action_is_none(text):
    found = read(text)
    assert (found.action, found.parsed) == ("", "none")


CODE = {
    "Thought: t\nAction: SELECT 1": ("t", "SELECT 1", "strict"),
    "Thought: t\nAction:\n```sql\nSELECT a\nFROM b\n```": ("t", "SELECT a\nFROM b", "strict"),
    "Thought: t\nAction: ```python\ndef f():\n    return 1\n```\n": ("t", "def f():\n    return 1", "strict"),
    "Thought: t\nAction: for i in 1 2\ndo echo $i\ndone": ("t", "for i in 1 2\ndo echo $i\ndone", "strict"),
    "Thought: t\nAction:\n```\n    indented\n```": ("t", "    indented", "strict"),
    "Thought: t\nAction:\n```python\nprint('Action: x')\n```\nThat prints.": ("t", "print('Action: x')", "lenient"),
    "Thought: t\nAction:\n```python\nprint(1)": ("t", "print(1)", "lenient"),
    "Thought: t\nAction: run this:\n```bash\nls\n```": ("t", "ls", "lenient"),
    "Here it is.\n```python\nprint(1)\n```": ("Here it is.", "print(1)", "lenient"),
    "Thought: t\n```python\nprint(1)\n```": ("t", "print(1)", "lenient"),
    "Action: ls\nObservation: a b": ("", "ls", "lenient"),
    "Action:\n```\n1\n```\nAction:\n```\n2\n```": ("", "1", "lenient"),
    "Thought: hm": ("", "", "none"),
}


@pytest.mark.parametrize("text", CODE)
def test_code_may_span_lines_and_stand_in_a_fence(text):
    assert read(text, code=True) == CODE[text]


BARE = {
    "Action: look": ("", "look", "strict"),
    "look": ("", "look", "lenient"),
    "`look`\nThen we see.": ("", "look", "lenient"),
    "Thought: t\nAction: look": ("t", "look", "lenient"),
    "Action: look\nAction: go": ("", "look", "lenient"),
    "": ("", "", "none"),
}


@pytest.mark.parametrize("text", BARE)
def test_without_thoughts_the_action_stands_alone(text):
    assert read(text, thoughts=False) == BARE[text]


@given(st.text(alphabet=st.sampled_from('ThoughtAcion:123[]`*\n \t"</>é'), max_size=120), st.booleans(), st.booleans())
def test_any_text_is_read_and_parsed_says_whether_there_is_an_action(text, code, thoughts):
    found = read(text, code=code, thoughts=thoughts)
    assert (found.parsed == "none") == (found.action == "")
    assert found.action == "" or found.action.strip()


@given(st.text(min_size=1, max_size=40), st.from_regex(r"[a-z]{1,8}\[[a-z \]\[]{0,9}\]", fullmatch=True))
def test_what_is_written_in_the_form_is_read_back(thought, action):
    line = " ".join(thought.split()).strip()
    if line and "</think>" not in line:
        found = read(f"Thought: {line}\nAction: {action}")
        assert (found.thought, found.action) == (line, action)
        assert found.parsed == "strict"


@pytest.mark.parametrize(
    "unit", ["Action:", "\n", " ", "[", "```", "`", "Thought: ", "*", "a", "\nAction: x[", "Action 1"]
)
@pytest.mark.parametrize("code", [False, True])
def test_two_megabytes_of_anything_are_read_in_linear_time(unit, code):
    # Quadratic reading of this would take hours, so that the suite's own limit is the test.
    found = read(unit * (2_000_000 // len(unit)), code=code, thoughts=False)
    assert (found.parsed == "none") == (found.action == "")
