"""The same words? Long random walks through ALFWorld games in both engines, command by command; resumable.

    python benchmarks/alfworld_parity.py --data DIR --log walks.jsonl --steps 200000 --seconds 4800

Each line of the log is one walk: game, variant, seed, steps, how many commands were valid, and every difference in
observation, admissible commands or ending. Variants: `own` (the file as it is), `newer` (the same problem under the
domain and grammar of the installed alfworld package: `move X to Y`, `help`), `generated` (our games).

TextWorld parses its grammar anew at each step. So that hundreds of thousands of steps are feasible, its parsers'
results are remembered here, its copies share what nothing changes, and its facts are sorted by keys made once; what it
computes is the same. ``--plain`` leaves TextWorld as it is.
"""

import argparse
import functools
import json
import random
import time
from pathlib import Path

from agentbank.envs.embodied.alfworld.engine_native import NativeEngine
from agentbank.envs.embodied.alfworld.engine_textworld import TextWorldEngine
from agentbank.envs.embodied.alfworld.game import Game
from agentbank.envs.embodied.alfworld.planner import plan


def hasten(patch=setattr):
    """Remember what TextWorld's parsers and Fast Downward's translator returned; leave out the replanner's task."""
    import fast_downward
    from textworld import logic
    from textworld.envs.pddl import textgen
    from textworld.logic import Proposition, Rule

    parse = functools.lru_cache(maxsize=4096)(functools.partial(textgen._parse_and_convert))
    plain = {}

    def symbols(text, **options):
        options.pop("trace", None)
        key = (text, tuple(sorted(options.items())))
        if key not in plain:
            plain[key] = parse(text, **options)
        return clone(plain[key])

    def clone(old):
        """What `deepcopy` would give, except that the records of things, which nothing changes, are shared."""
        if isinstance(old, list):
            return [clone(each) for each in old]
        if isinstance(old, dict):
            return dict(old)
        if not isinstance(old, textgen.Symbol):
            return old
        new = object.__new__(type(old))
        new.__dict__.update({name: clone(value) for name, value in old.__dict__.items()})
        return new

    keys = {}

    def key_of(fact):
        if fact not in keys:
            keys[fact] = (fact.name, tuple((each.name, each.type) for each in fact.arguments))
        return keys[fact]

    def ordered(items, **options):
        """Facts in their own order, by keys that are made once; anything else as ever."""
        items = list(items)
        if items and isinstance(items[0], Proposition) and not options:
            return sorted(items, key=key_of)
        return sorted(items, **options)

    translate = fast_downward.pddl2sas
    last = {}

    def translated(domain, problem, verbose=False, optimize=False):
        if (domain, problem) not in last:
            last.clear()
            last[domain, problem] = translate(domain, problem, verbose=verbose)
        return last[domain, problem]

    patch(textgen, "_parse_and_convert", symbols)
    patch(textgen, "deepcopy", clone)
    patch(fast_downward, "pddl2sas", translated)
    vars(logic).setdefault("sorted", sorted)
    patch(logic, "sorted", ordered)
    patch(Rule, "parse_conjunctive_query", functools.lru_cache(maxsize=4096)(Rule.parse_conjunctive_query))


def near_miss(rng, commands, names):
    """A command that is almost right: a word more or less, another thing, another case, another verb."""
    command = rng.choice(commands)
    words = command.split(" ")
    kind = rng.randrange(10)
    if kind == 0:
        return command.upper() if rng.random() < 0.5 else command.capitalize()
    if kind == 1:
        return f"  {command}\t\n"
    if kind == 2:
        return command.replace(" ", "  ", 1)
    if kind == 3:
        return " ".join(words[:-1])
    if kind == 4:
        return f"{command} now"
    if kind == 5:
        thing, place = rng.choice(names), rng.choice(names)
        forms = ("take {} from {}", "put {} in/on {}", "move {} to {}", "heat {} with {}", "clean {} with {}")
        return rng.choice((*forms, "cool {} with {}", "slice {} with {}", "put {} in {}")).format(thing, place)
    if kind == 6:
        verbs = ("go to {}", "open {}", "close {}", "examine {}", "use {}", "look at {}", "help", "go to")
        return rng.choice(verbs).format(rng.choice(names))
    if kind == 7:
        return " ".join(rng.sample(words, len(words)))
    if kind == 8:
        return rng.choice(
            ("", " ", "look around", "inventory 1", "полка 1", "go to loc 1", "{o}", "#look.feedback#", "help")
        )
    return command[:-1]


def choose(rng, commands, names, gold):
    """The next command: mostly possible ones, every verb alike; some of the expert's; some near misses."""
    draw = rng.random()
    if draw < 0.15 and gold:
        return gold.pop(0)
    if draw < 0.4:
        return near_miss(rng, commands, names)
    verb = rng.choice(sorted({each.split(" ")[0] for each in commands}))
    return rng.choice([each for each in commands if each.split(" ")[0] == verb])


def compare(native, reference, first, seen, differences):
    """Note each difference between what the two engines show."""
    if first != seen:
        differences.append({"observation": [first, seen]})
    if native.commands() != list(reference.commands()):
        differences.append({"commands": [native.commands(), list(reference.commands())]})


def walk(game, reference, gold, seed, length):
    """One walk in both engines at once."""
    rng = random.Random(seed)
    native, differences, valid = NativeEngine(game), [], 0
    names = sorted(each.strip() for each in game.by_name)
    compare(native, reference, native.start(), reference.start(), differences)
    gold = list(gold) if rng.random() < 0.5 else []
    straight = bool(gold) and rng.random() < 0.3
    for step in range(length):
        command = gold.pop(0) if straight and gold else choose(rng, native.commands(), names, gold)
        ours, theirs = native.step(command), reference.step(command)
        valid += ours.valid
        if (ours.won, ours.valid) != (theirs.won, theirs.valid):
            differences.append({"command": command, "ours": list(ours), "theirs": list(theirs)})
        compare(native, reference, ours.text, theirs.text, differences)
        if len(differences) > 5:
            return step + 1, valid, theirs.won, differences
        if theirs.won:
            return step + 1, valid, True, differences
    return length, valid, False, differences


def contents(data, variants):
    """Every game in every variant, as (label, content)."""
    from importlib.resources import files

    paths = sorted((data / "json_2.1.1").glob("*/*/*/game.tw-pddl"))
    for variant in variants:
        if variant == "generated":
            from agentbank.envs.embodied.alfworld.generator import content

            for number in range(60):
                for split in ("train", "test"):
                    yield f"generated:{split}/{number}", content(split, number, "full" if number % 2 else "small")
            continue
        for path in paths:
            content = json.loads(path.read_text())
            if variant == "newer":
                logic = files("alfworld") / "data"
                task = content["grammar"].split("Your task is to: ")[1].split('"')[0]
                grammar = (logic / "alfred.twl2").read_text().replace("UNKNOWN GOAL.", task)
                content |= {"pddl_domain": (logic / "alfred.pddl").read_text(), "grammar": grammar}
            yield f"{variant}:{path.parent.parent.name}/{path.parent.name}", content


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=4800)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--walks", type=int, default=4, help="walks a game and round")
    parser.add_argument("--variants", default="own,newer,generated")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--first-seed", type=int, default=0)
    given = parser.parse_args()
    if not given.plain:
        hasten()
    lines = [json.loads(line) for line in given.log.read_text().splitlines()] if given.log.exists() else []
    done = {(each["game"], each["seed"]) for each in lines}
    total, wrong = sum(each["steps"] for each in lines), sum(bool(each["differences"]) for each in lines)
    end, first = time.monotonic() + given.seconds, given.first_seed
    with given.log.open("a") as log:
        while total < given.steps and time.monotonic() < end:
            for label, content in contents(given.data, given.variants.split(",")):
                seeds = [seed for seed in range(first, first + given.walks) if (label, seed) not in done]
                if not seeds or total >= given.steps or time.monotonic() >= end:
                    continue
                game = Game(content["pddl_domain"], content["grammar"], content["pddl_problem"])
                reference, gold = TextWorldEngine(content, game), plan(game) or []
                for seed in seeds:
                    steps, valid, won, differences = walk(game, reference, gold, seed, given.length)
                    total, wrong = total + steps, wrong + bool(differences)
                    entry = {"game": label, "seed": seed, "steps": steps, "valid": valid, "won": won}
                    log.write(json.dumps(entry | {"differences": differences}) + "\n")
                    log.flush()
                reference.close()
            first += given.walks
    print(f"{total} steps, {wrong} walks with differences")


if __name__ == "__main__":
    main()
