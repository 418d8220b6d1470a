"""Which of a world's texts become one token each."""

from agentbank.harness.closed_loop import FAMILIES
from agentbank.training.experiments.words import Words
from agentbank.training.from_scratch import make_tokenizer

NUMBERED = r"(?<![A-Za-z])[a-z]+ \d{1,2}(?!\d)"


def test_every_name_is_a_token_and_a_phrase_that_is_said_often():
    rooms = [[f"You arrive at cabinet {n}. You see a mug {n}.", f"put it in shelf {n}"] for n in range(1, 9)]
    rooms[0].append("Somebody said this once, before desk 1")
    found = Words((NUMBERED,), phrases=0.2).tokens(rooms)
    assert {"cabinet 1", "cabinet 8", "mug 3", "shelf 5", "desk 1"} <= set(found)
    assert "You arrive at" in found and ". You see a" in found and "put it in" in found
    assert not any("Somebody" in each for each in found)
    assert not {"You arrive at", "put it in"} & set(Words((NUMBERED,)).tokens(rooms))


def test_a_name_that_few_episodes_know_is_left_to_be_spelled():
    pages = [[f"[SEP] Get the number {n} [SEP] Buy Now"] * 5 for n in range(10)]
    nodes = r"(?<=\[SEP\] )[^\[\]]+?(?= \[SEP\]|$)"
    assert Words((nodes,), known=0.2).tokens(pages) == ["Buy Now"]
    assert len(Words((nodes,)).tokens(pages)) == 11


def test_an_option_is_the_same_token_on_the_page_in_the_instruction_and_in_the_click():
    page = "Instruction: [SEP] Get lamps with color: forest green, and size: extra tall [SEP] forest green [SEP] extra tall"
    click = "Action: click[forest green]"
    tokens = FAMILIES["webshop"].words.tokens([[page, click]] * 3)
    tokenizer = make_tokenizer([page, click], entities=[each for each in tokens if not each.startswith("Get")])
    wanted = tokenizer.convert_tokens_to_ids(tokenizer.tokenize("forest green"))
    assert len(wanted) == 1
    assert tokenizer(page)["input_ids"].count(wanted[0]) == 2 and tokenizer(click)["input_ids"].count(wanted[0]) == 1
    assert tokenizer.decode(tokenizer(page)["input_ids"]) == page
