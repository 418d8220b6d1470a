"""The worlds, one `register` a world. Nothing is imported here but the registry."""

from .data import Archive
from .registry import register

register(
    "webshop",
    ".web.webshop:WebShop",
    skill="web",
    group="held-in",
    max_steps=15,
    metric="reward of the bought product: type, attributes, options and price (0..1)",
    action_kind="discrete",
    fidelity="reimplementation",
    splits=("train", "dev", "test"),
    archives=(
        # The ids are those of upstream's setup.sh; `confirm` skips the drive's page about large files.
        Archive(
            "https://drive.usercontent.google.com/download?export=download&confirm=t&id=1A2whVgOO0euk5O13n2iYDM0bQRkkRduB",
            "items_shuffle.json",
        ),
        Archive(
            "https://drive.usercontent.google.com/download?export=download&confirm=t&id=1s2j6NgHljiZzQNL3veZaAiyW_qDEgBNi",
            "items_ins_v2.json",
        ),
        Archive(
            "https://raw.githubusercontent.com/princeton-nlp/WebShop/master/baseline_models/data/items_human_ins.json",
            "items_human_ins.json",
        ),
    ),
    paper="Yao et al. 2022, arXiv 2207.01206",
)
register(
    "scienceworld",
    ".embodied.scienceworld:ScienceWorld",
    skill="embodied",
    group="held-out",
    max_steps=100,
    metric="the engine's score / 100, negative as 0",
    action_kind="discrete",
    fidelity="engine",
    splits=("train", "dev", "test"),
    lives="process",
    needs=("package:scienceworld", "program:java"),
    paper="Wang et al. 2022, arXiv 2203.07540",
)
register(
    "hotpotqa",
    ".reasoning.hotpotqa:HotpotQA",
    skill="reasoning",
    group="held-in",
    max_steps=10,
    metric="exact match of the finished answer (F1 beside it in info)",
    action_kind="language",
    fidelity="reimplementation",
    splits=("train", "test"),
    lives="thread",
    archives=(
        Archive("http://curtis.ml.cmu.edu/datasets/hotpot/hotpot_train_v1.1.json", "hotpot_train_v1.1.json"),
        Archive(
            "http://curtis.ml.cmu.edu/datasets/hotpot/hotpot_dev_distractor_v1.json", "hotpot_dev_distractor_v1.json"
        ),
    ),
    paper="Yang et al. 2018, arXiv 1809.09600",
)
register(
    "humaneval",
    ".coding.humaneval:HumanEval",
    skill="coding",
    group="held-in",
    max_steps=10,
    metric="1 when the submitted program passes the hidden check, else 0 (pass@k over trials)",
    action_kind="code",
    fidelity="reimplementation",
    splits=("test",),
    lives="thread",
    needs=("sandbox:any",),
    archives=(
        Archive(
            "https://github.com/openai/human-eval/raw/6d43fb980f9fee3c892a914eda09951f772ad10d/data/HumanEval.jsonl.gz",
            "HumanEval.jsonl.gz",
        ),
    ),
    paper="Chen et al. 2021, arXiv 2107.03374",
)
register(
    "mbpp",
    ".coding.mbpp:MBPP",
    skill="coding",
    group="held-in",
    max_steps=10,
    metric="1 when the submitted program passes every test, else 0 (pass@k over trials)",
    action_kind="code",
    fidelity="reimplementation",
    splits=("train", "dev", "test", "prompt"),
    lives="thread",
    needs=("sandbox:any",),
    archives=(
        Archive(
            "https://raw.githubusercontent.com/google-research/google-research/master/mbpp/mbpp.jsonl", "mbpp.jsonl"
        ),
    ),
    paper="Austin et al. 2021, arXiv 2108.07732",
)
register(
    "apps",
    ".coding.apps:APPS",
    skill="coding",
    group="held-in",
    max_steps=10,
    metric="share of hidden tests passed; success: all of them (upstream's strict accuracy)",
    action_kind="code",
    fidelity="reimplementation",
    splits=("train", "test"),
    lives="thread",
    needs=("sandbox:any",),
    archives=(Archive("https://people.eecs.berkeley.edu/~hendrycks/APPS.tar.gz", "APPS.tar.gz", unpack=True),),
    paper="Hendrycks et al. 2021, arXiv 2105.09938",
)
register(
    "roomr",
    ".embodied.roomr.world:RoomR",
    skill="embodied",
    group="held-in",
    max_steps=150,
    metric="share of misplaced things restored, 0 if anything else was displaced (the challenge's prop. fixed strict)",
    action_kind="discrete",
    fidelity="reimplementation",
    splits=("train", "val", "test"),
    archives=tuple(
        Archive(
            f"https://raw.githubusercontent.com/allenai/ai2thor-rearrangement/"
            f"7fcf881b09ddd88be37ee87bbeea319c01e62bc4/data/2023/{split}.pkl.gz",
            f"data/2023/{split}.pkl.gz",
        )
        for split in ("train", "val", "test")
    ),
    paper="Weihs et al. 2021, arXiv 2103.16544",
)
register(
    "iqa",
    ".embodied.iqa.world:IQA",
    skill="embodied",
    group="held-in",
    max_steps=60,
    metric="the answer is right (1 or 0); info says whether the evidence had been seen",
    action_kind="discrete",
    fidelity="reimplementation",
    splits=("train", "val_seen", "test"),
    archives=tuple(
        Archive(
            "https://raw.githubusercontent.com/danielgordon10/thor-iqa-cvpr-2018/"
            f"38358569422a93fa42a782f3022554672507a08a/{name}",
            name,
        )
        for name in (
            *(
                f"questions/{split}/data_{kind}/combined.csv"
                for split in ("train", "val/seen_scenes", "val/unseen_scenes")
                for kind in ("existence", "counting", "contains")
            ),
            "layouts/start_positions.npy",
            *(f"layouts/FloorPlan{scene}-layout.{kind}" for scene in range(1, 31) for kind in ("npy", "json")),
        )
    ),
    paper="Gordon et al. 2018, arXiv 1712.03316",
)
register(
    "alfworld",
    ".embodied.alfworld:ALFWorld",
    skill="embodied",
    group="held-in",
    max_steps=50,
    metric="1 when the task is done, else 0 (the share of its conditions that hold is beside it as `progress`)",
    action_kind="discrete",
    fidelity="reimplementation",
    splits=("train", "valid_seen", "valid_unseen", "test"),
    archives=(
        Archive(
            "https://github.com/alfworld/alfworld/releases/download/0.2.2/json_2.1.1_json.zip",
            "json_2.1.1_json.zip",
            unpack=True,
        ),
        Archive(
            "https://github.com/alfworld/alfworld/releases/download/0.4.0/json_2.1.2_tw-pddl.zip",
            "json_2.1.2_tw-pddl.zip",
            unpack=True,
        ),
    ),
    paper="Shridhar et al. 2021, arXiv 2010.03768",
)
register(
    "intercode_sql",
    ".coding.intercode_sql:InterCodeSQL",
    skill="coding",
    group="held-in",
    max_steps=10,
    metric="InterCode's reward of the last output: rows found over rows in either, times the order's rank correlation",
    action_kind="code",
    fidelity="reimplementation",
    splits=("train", "test"),
    lives="thread",
    needs=("package:sqlglot",),
    archives=tuple(
        Archive(
            "https://raw.githubusercontent.com/princeton-nlp/intercode/c3e46d827cfc9d4c704ec078f7abf9f41e3191d8/"
            f"data/sql/spider/{name}",
            name,
        )
        for name in ("ic_spider_dev.json", "ic_spider_dbs.sql")
    ),
    paper="Yang et al. 2023, arXiv 2306.14898",
)
register(
    "intercode_bash",
    ".coding.intercode_bash:InterCodeBash",
    skill="coding",
    group="held-out",
    max_steps=10,
    metric="upstream's reward after the last command: changed files, their content, likeness of the output (0.01..1)",
    action_kind="code",
    fidelity="reimplementation",
    splits=("test",),
    lives="thread",
    needs=("sandbox:any",),
    archives=tuple(
        Archive(f"https://github.com/princeton-nlp/intercode/raw/c3e46d827cfc9d4c704ec078f7abf9f41e3191d8/{path}", name)
        for number in (1, 2, 3, 4)
        for path, name in (
            (f"data/nl2bash/nl2bash_fs_{number}.json", f"nl2bash_fs_{number}.json"),
            (f"docker/bash_scripts/setup_nl2b_fs_{number}.sh", f"setup_nl2b_fs_{number}.sh"),
        )
    ),
    paper="Yang et al. 2023, arXiv 2306.14898",
)
register(
    "db",
    ".coding.db:Database",
    skill="coding",
    group="agentinstruct",
    max_steps=15,
    metric="the answer equals the label, or the table after the changes the gold one (1 or 0)",
    action_kind="code",
    fidelity="reimplementation",
    splits=("dev", "test"),
    lives="thread",
    needs=("package:sqlglot",),
    archives=tuple(
        Archive(
            "https://raw.githubusercontent.com/THUDM/AgentBench/578c5e9f706fc2dd96188ca6c8cf9095ca0c6528/"
            f"data/dbbench/{name}",
            f"data/dbbench/{name}",
        )
        for name in ("standard.jsonl", "dev.jsonl")
    ),
    paper="Liu et al. 2023, arXiv 2308.03688",
)
register(
    "os",
    ".coding.os_tasks:OS",
    skill="coding",
    group="agentinstruct",
    max_steps=8,
    metric="1 when the answer matches, or every check script exits with 0, else 0",
    action_kind="code",
    fidelity="reimplementation",
    splits=("train", "dev", "test"),
    lives="thread",
    needs=("sandbox:any",),
    archives=(
        Archive(
            "https://github.com/THUDM/AgentBench/archive/578c5e9f706fc2dd96188ca6c8cf9095ca0c6528.tar.gz",
            "AgentBench.tar.gz",
            unpack=True,
        ),
    ),
    paper="Liu et al. 2023, arXiv 2308.03688",
)
