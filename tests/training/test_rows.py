import pytest
import small

from agentbank.training import render
from agentbank.training.rows import IGNORED, Masked, check, fingerprint, masked
from agentbank.trajectories.errors import UsageError


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Masked([1, 2, 3], [1, 2], "file.jsonl 7"), r"row 0 \(file.jsonl 7\): 3 ids but 2 labels"),
        (Masked([1] * 9, [1] * 9), "row 0: 9 tokens, more than max_length 8"),
        (Masked([1, 2], [2, IGNORED]), "neither its token nor -100"),
        (Masked([1, 2, 3], [IGNORED] * 3), "nothing to train on"),
        (Masked([1, 2, 3], [1, IGNORED, IGNORED]), "nothing to train on"),  # a first token is never predicted
        (Masked([1, 99], [1, 99]), "token id 99 is outside the model's 50 embeddings"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_named(row, said):
    with pytest.raises(UsageError, match=said):
        check([row], 8, 50)


def test_no_rows_are_refused():
    with pytest.raises(UsageError, match="no rows to train on"):
        check([], 8)


def test_a_render_becomes_a_row(tokenizer):
    made = render(
        [{"role": "user", "content": "go"}, {"role": "assistant", "content": "take mug 3"}], tokenizer, "plain"
    )
    row = masked(made, "a")
    assert row.trained == made.loss_tokens and tokenizer.decode([i for i in row.labels if i >= 0]) == "take mug 3</s>"


def test_the_fingerprint_is_of_ids_labels_and_order():
    rows = small.ragged(5)
    one = fingerprint(rows)
    assert one == fingerprint([Masked(tuple(row.input_ids), tuple(row.labels), "elsewhere") for row in rows])
    labels = list(rows[0].labels)
    labels[-1] = IGNORED
    others = [rows[::-1], rows[1:], [Masked(rows[0].input_ids, labels), *rows[1:]]]
    others.append([Masked([1, 2, 3], [1, 2, 3]), Masked([4], [4])])
    others.append([Masked([1, 2], [1, 2]), Masked([3, 4], [3, 4])])
    assert len({one, *map(fingerprint, others)}) == 6
