import pytest
import small
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from agentbank.training import attention
from agentbank.training.packing import best_fit_decreasing, pack, stack
from agentbank.training.rows import IGNORED, Masked
from agentbank.trajectories.errors import UsageError


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(50, 120))
def test_every_row_is_in_one_bin_and_no_bin_overflows(lengths, capacity):
    bins = best_fit_decreasing(lengths, capacity)
    assert sorted(each for one in bins for each in one) == list(range(len(lengths)))
    assert all(sum(lengths[each] for each in one) <= capacity for one in bins)
    if len(bins) > 1:  # any two bins could not have been one
        fills = sorted(sum(lengths[each] for each in one) for one in bins)
        assert fills[0] + fills[1] > capacity


def test_best_fit_decreasing_finds_the_known_packing():
    assert best_fit_decreasing([4, 8, 1, 4, 2, 1], 10) == [[1, 4], [0, 3, 2, 5]]


def test_a_row_longer_than_a_bin_is_refused():
    with pytest.raises(UsageError, match="row 1 has 11 tokens, a bin holds 10"):
        best_fit_decreasing([3, 11], 10)


def test_positions_restart_and_first_labels_are_masked():
    packed = pack([Masked([5, 6, 7], [5, 6, 7]), Masked([8, 9], [8, 9])])
    assert packed.input_ids.tolist() == [[5, 6, 7, 8, 9]]
    assert packed.position_ids.tolist() == [[0, 1, 2, 0, 1]]
    assert packed.where.tolist() == [0, 1, 3] and packed.targets.tolist() == [6, 7, 9]
    assert packed.boundaries.tolist() == [0, 3, 5] and packed.attention_mask is None


def test_a_filled_bin_has_one_shape_and_the_same_loss_positions():
    rows = small.ragged(3)
    bare, filled = pack(rows), pack(rows, 256, pad=0)
    assert filled.input_ids.shape == (1, 256) and filled.tokens == bare.tokens
    assert filled.where.tolist() == bare.where.tolist() and filled.targets.tolist() == bare.targets.tolist()


def _packed_gradient(model, rows, implementation, **extra):
    packed = pack(rows)
    model.set_attn_implementation(attention.register() if implementation == "documents" else implementation)
    if implementation == "documents":
        extra |= {"boundaries": packed.boundaries, "sizes": tuple(packed.boundaries.diff().tolist())}
    inputs = {"input_ids": packed.input_ids, "position_ids": packed.position_ids, "use_cache": False} | extra
    logits = model(**inputs, logits_to_keep=packed.where).logits[0]
    (cross_entropy(logits, packed.targets, reduction="sum") / len(packed.targets)).backward()
    return small.gradient(model)


@pytest.mark.parametrize("implementation", ["documents", "sdpa", "eager"])
@pytest.mark.parametrize("shared_keys", [False, True])
def test_packed_gradients_equal_unpacked_ones(implementation, shared_keys):
    model, rows = small.model(), small.ragged(7)
    if shared_keys:
        from transformers import LlamaConfig, LlamaForCausalLM

        config = LlamaConfig.from_dict(model.config.to_dict() | {"num_key_value_heads": 1})
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    model = model.double()  # in fp32 the order of the sums alone differs by 1e-7
    want = small.plain_gradient(model, rows)
    assert small.apart(_packed_gradient(model, rows, implementation), want) < 1e-6


@pytest.mark.parametrize(
    "leak", [{"use_cache": True}, {"attention_mask": "ones"}], ids=["the default cache", "an all-ones mask"]
)
def test_the_comparison_sees_a_leak_when_it_is_provoked(leak):
    model, rows = small.model(), small.ragged(7)
    want = small.plain_gradient(model, rows)
    if leak.get("attention_mask"):
        leak = {"attention_mask": torch.ones(1, sum(len(row.input_ids) for row in rows), dtype=torch.long)}
    assert small.apart(_packed_gradient(model, rows, "sdpa", **leak), want) > 1e-2


def test_the_comparison_sees_a_boundary_label_that_was_left_in():
    model = small.model()
    rows = [Masked(row.input_ids, row.input_ids) for row in small.ragged(7, longest=12)]
    want = small.plain_gradient(model, rows)
    ids = [token for row in rows for token in row.input_ids]
    positions = [place for row in rows for place in range(len(row.input_ids))]
    logits = model(input_ids=torch.tensor([ids]), position_ids=torch.tensor([positions]), use_cache=False).logits
    cross_entropy(logits[0, :-1], torch.tensor(ids[1:])).backward()
    assert small.apart(small.gradient(model), want) > 1e-2


def test_documents_do_not_see_each_other_at_all():
    model, rows = small.model(), small.ragged(4)
    model.set_attn_implementation(attention.register())

    def logits(rows):
        packed = pack(rows)
        sizes = tuple(packed.boundaries.diff().tolist())
        return model(
            input_ids=packed.input_ids,
            position_ids=packed.position_ids,
            use_cache=False,
            boundaries=packed.boundaries,
            sizes=sizes,
        ).logits[0]

    other = Masked([9] * len(rows[0].input_ids), [IGNORED] * len(rows[0].input_ids))
    start = len(rows[0].input_ids)
    assert torch.equal(logits(rows)[start:], logits([other, *rows[1:]])[start:])


def test_document_attention_refuses_what_it_does_not_do():
    model, rows = small.model(), small.ragged(2)
    model.set_attn_implementation(attention.register())
    with pytest.raises(UsageError, match="serves packed rows only"):
        model(input_ids=pack(rows).input_ids, use_cache=False)
    with pytest.raises(UsageError, match=r"sliding_window; train it with attention='sdpa'"):
        attention.document_attention(
            model, *[torch.zeros(1, 1, 2, 4)] * 3, None, boundaries=torch.tensor([0, 2]), sizes=(2,), sliding_window=4
        )


def test_a_model_with_windows_is_told_from_one_without():
    from transformers import Gemma2Config, LlamaConfig, MistralConfig, Qwen2Config

    assert attention.serves(LlamaConfig()) and attention.serves(Qwen2Config())
    assert not attention.serves(MistralConfig(sliding_window=64)) and not attention.serves(Gemma2Config())


def test_stacked_rows_are_padded_and_masked_only_where_ragged():
    even = stack([Masked([1, 2], [1, 2]), Masked([3, 4], [3, 4])])
    assert even.attention_mask is None and even.where.tolist() == [0, 2]
    ragged = stack([Masked([1, 2, 3], [IGNORED, 2, 3]), Masked([4, 5], [4, 5])], pad=9)
    assert ragged.attention_mask.tolist() == [[1, 1, 1], [1, 1, 0]] and ragged.input_ids[1, 2] == 9
    assert ragged.where.tolist() == [0, 1, 3] and ragged.tokens == 5
