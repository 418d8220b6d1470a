"""A world of your own in twenty lines, judged with the expert and with a scripted mind.

python examples/own_world.py
"""

from agentbank.envs import Outcome, Task, TextEnv, register
from agentbank.harness import evaluate

RIDDLES = {"What has keys and opens no door?": "a piano", "What gets wetter as it dries?": "a towel"}


class Riddle(TextEnv):
    """Answer the riddle."""

    manual = "Answer with answer[TEXT]."
    listed = tuple(
        Task(f"riddle/test/{number}", "test", {"question": question, "answer": answer})
        for number, (question, answer) in enumerate(RIDDLES.items())
    )

    def tasks(self):
        """All riddles."""
        return self.listed

    def start(self, task):
        """The question."""
        return task.data["question"]

    def respond(self, action):
        """One answer, right or wrong."""
        if not action.startswith("answer["):
            return Outcome(self.hint(), info={"valid": False})
        right = action == f"answer[{self.task.data['answer']}]"
        return Outcome("Right." if right else "Wrong.", float(right), True, {"score": float(right), "success": right})

    def expert(self, task):
        """The answer."""
        return [f"answer[{task.data['answer']}]"]


def main(out="runs/riddle"):
    """Register the world, judge the expert, and return the score."""
    register(
        "riddle",
        f"{__name__}:Riddle",
        skill="reasoning",
        group="held-out",
        max_steps=2,
        metric="the answer is right",
        action_kind="language",
        fidelity="reimplementation",
        splits=("test",),
    )
    row = evaluate(out, "riddle", agent="expert", n=2).worlds["riddle"]
    print(f"riddle: score {row['score']} over {row['valid']} episodes, panel {row['panel']}")
    return row["score"]


if __name__ == "__main__":
    main()
