#!/usr/bin/env python3
"""Compares `portcullis diff` with what a solver says of the same two policies.

    python tests/second_opinion/diff.py BINARY [--pairs N] [--seed S] [--keep FOLDER]

Written from docs/policy.md and docs/trying.md, not from the code. Both policies become formulas over one request (host,
method, up to five segments of path) and its caller (none, or a token with an issuer and scopes); a condition is a fact
that may hold or not. Z3 then says whether some request is let through by the new policy alone, and whether one is by
the old policy alone. `portcullis diff` has to say the same, each of its examples has to be decided as it says, and what
becomes more open has to lie within the classes that it lists.

Ends with 1 if the two disagree anywhere; the pair is printed, and with `--keep` left in a folder.
"""

import argparse
import collections
import dataclasses
import json
import multiprocessing
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import z3

METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"]
ISSUERS = ["one", "two"]
SCOPES = ["r", "w", "x"]
HOSTS = ["a.example", "b.a.example", "c.test", "*.example", "*.a.example", "*.test"]
LITERALS = ["a", "b", "ab", "a:go", "b.json", "go"]
TEXTS = ["", "", "", ":go", ":stop", ":go:stop", ".json"]
CONDITIONS = ['token.sub == "alice"', '"mfa" in token.amr']
# For routes without a token as well; it does not hold without one that counts.
GUARDED = 'has(token.role) && token.role == "admin"'
MAX_SEGMENTS = 5

# In the solver's own units; nearly every question takes a tenth of it.
MAX_WORK = 2_000_000


# A policy, as far as it is compared.

@dataclasses.dataclass(frozen=True)
class Segment:
    kind: str                     # `literal`, `parameter` or `rest`
    text: str = ""                # the literal, or what follows the parameter

    def rank(self):
        """The larger, the more specific."""
        return {"literal": (3, 0), "parameter": (2 if self.text else 1, len(self.text)), "rest": (0, 0)}[self.kind]


@dataclasses.dataclass
class Route:
    path: tuple
    methods: list
    access: str                   # `public`, `authenticated`, `nobody` or `scopes`
    scopes: list = dataclasses.field(default_factory=list)
    any_scope: list = dataclasses.field(default_factory=list)
    hosts: list = dataclasses.field(default_factory=list)
    issuers: list | None = None
    mode: str | None = None
    when: str | None = None


@dataclasses.dataclass
class Policy:
    routes: list
    issuers: list
    mode: str | None = None


def written_path(path):
    parts = []
    for number, segment in enumerate(path):
        parts.append({"literal": segment.text, "parameter": "{p%d}%s" % (number, segment.text),
                      "rest": "{*rest}"}[segment.kind])
    return "/" + "/".join(parts)


def read_path(text):
    path = []
    for part in text.removeprefix("/").split("/") if text != "/" else []:
        parameter = re.fullmatch(r"\{(\*?)[^}]*\}(.*)", part)
        if parameter is None:
            path.append(Segment("literal", part))
        elif parameter[1]:
            path.append(Segment("rest"))
        else:
            path.append(Segment("parameter", parameter[2]))
    return tuple(path)


def written(policy):
    routes = []
    for number, route in enumerate(policy.routes):
        entry = {"name": f"route-{number}", "methods": route.methods, "path": written_path(route.path)}
        if route.access == "scopes":
            entry |= {key: value for key, value in (("scopes", route.scopes), ("any_scope", route.any_scope)) if value}
        else:
            entry["access"] = route.access
        optional = {"hosts": route.hosts or None, "issuers": route.issuers, "mode": route.mode, "when": route.when}
        routes.append(entry | {key: value for key, value in optional.items() if value is not None})
    document = {"version": 1, "scopes": {scope: f"Scope {scope}" for scope in SCOPES}, "issuers": policy.issuers,
                "routes": routes}
    if policy.mode:
        document["mode"] = policy.mode
    # JSON is YAML.
    return json.dumps(document, indent=1)


# Random policies.

def some(draw, all_of, least=1):
    return sorted(draw.sample(all_of, draw.randint(least, min(2, len(all_of)))))


def random_path(draw):
    path = []
    for _ in range(draw.choice([0, 1, 1, 2, 2, 2, 3])):
        kind = draw.choice(["literal", "literal", "parameter", "parameter", "rest"])
        if kind == "rest":
            path.append(Segment("rest"))
            break
        path.append(Segment(kind, draw.choice(LITERALS if kind == "literal" else TEXTS)))
    return tuple(path)


def demand(draw, route):
    route.access = draw.choice(["public", "authenticated", "nobody", "scopes", "scopes", "scopes"])
    route.scopes, route.any_scope = [], []
    if route.access == "scopes":
        shape = draw.choice(["all", "any", "both"])
        route.scopes = some(draw, SCOPES) if shape != "any" else []
        route.any_scope = some(draw, SCOPES, 1) if shape != "all" else []
    needs_token = route.access in ("authenticated", "scopes")
    route.when = draw.choice(CONDITIONS) if needs_token and draw.random() < 0.1 else None
    if route.access == "public" and draw.random() < 0.3:
        route.when = GUARDED
    reads_token = needs_token or route.when is not None
    route.issuers = some(draw, ISSUERS) if reads_token and draw.random() < (0.25 if needs_token else 0.5) else None
    may_refuse = route.access != "public"
    route.mode = draw.choice(["shadow", "enforce"]) if may_refuse and draw.random() < 0.15 else None


def random_route(draw):
    methods = ["*"] if draw.random() < 0.2 else some(draw, METHODS)
    hosts = some(draw, HOSTS) if draw.random() < 0.4 else []
    route = Route(random_path(draw), methods, "public", hosts=hosts)
    demand(draw, route)
    return route


def listed(route):
    """The methods that a route answers."""
    if "*" in route.methods:
        return set(METHODS)
    return set(route.methods) | ({"HEAD"} if "GET" in route.methods else set())


def conflicts(one, other):
    """Whether two routes would answer the same request, in one table."""
    same_table = (not one.hosts and not other.hosts) or set(one.hosts) & set(other.hosts)
    return bool(same_table) and one.path == other.path and bool(listed(one) & listed(other))


def without_conflicts(routes):
    kept = []
    for route in routes:
        if not any(conflicts(route, other) for other in kept):
            kept.append(route)
    return kept


def random_policy(draw):
    routes = [random_route(draw) for _ in range(draw.randint(1, 5))]
    mode = draw.choice(["shadow", "enforce"]) if draw.random() < 0.1 else None
    return Policy(without_conflicts(routes), draw.choice([["one"], ["one", "two"]]), mode)


def changed(draw, policy):
    """The same with a change or two."""
    routes = [dataclasses.replace(route) for route in policy.routes]
    issuers, mode = policy.issuers, policy.mode
    for _ in range(draw.randint(1, 2)):
        what = draw.choice(["demand", "demand", "methods", "path", "hosts", "add", "remove", "issuers", "trust", "mode"])
        if what == "add" or not routes:
            routes.append(random_route(draw))
            continue
        route = draw.choice(routes)
        if what == "demand":
            demand(draw, route)
        elif what == "methods":
            route.methods = random_route(draw).methods
        elif what == "path":
            route.path = random_path(draw)
        elif what == "hosts":
            route.hosts = random_route(draw).hosts
        elif what == "remove":
            routes.remove(route)
        elif what == "issuers":
            route.issuers = some(draw, ISSUERS) if route.issuers or route.when else None
        elif what == "trust":
            issuers = draw.choice([["one"], ["two"], ["one", "two"]])
        else:
            mode = draw.choice([None, "shadow", "enforce"])
    return Policy(without_conflicts(routes), issuers, mode)


# What requests there are. Paths are canonical: no rule of spelling is about them.

METHOD = z3.Int("method")
COUNT = z3.Int("count")
HAS_TOKEN = z3.Bool("token")
ISSUER = z3.Int("issuer")
HELD = {scope: z3.Bool(f"scope-{scope}") for scope in SCOPES}
HOLDS = {text: z3.Bool(f"condition-{number}") for number, text in enumerate([*CONDITIONS, GUARDED])}
BOUNDS = [METHOD >= 0, METHOD < len(METHODS), COUNT >= 0, COUNT <= MAX_SEGMENTS, ISSUER >= 0, ISSUER < len(ISSUERS)]


class AllWords:
    """Hosts and segments are strings."""

    def __init__(self):
        self.host = z3.String("host")
        self.parts = [z3.String(f"segment{number}") for number in range(MAX_SEGMENTS)]

    def value(self, text):
        return z3.StringVal(text)

    def rules(self):
        word = z3.Plus(z3.Range("a", "z"))
        host = z3.Concat(word, z3.Star(z3.Concat(z3.Re("."), word)))
        joint = z3.Union(z3.Re(":"), z3.Re("."))
        segment = z3.Concat(word, z3.Star(z3.Concat(joint, word)))
        rules = [z3.InRe(self.host, host), z3.Length(self.host) <= 24]
        for number, part in enumerate(self.parts):
            rules += [z3.Implies(COUNT > number, z3.And(z3.InRe(part, segment), z3.Length(part) <= 16)),
                      z3.Implies(COUNT <= number, part == z3.StringVal(""))]
        return rules

    def equals(self, variable, text):
        return variable == z3.StringVal(text)

    def ends_in(self, variable, text):
        """With something before it."""
        return z3.And(z3.SuffixOf(z3.StringVal(text), variable), z3.Length(variable) > len(text))


class FewWords:
    """Hosts and segments are numbers of words: so many that every rule of a policy can hold and fail, in every combination."""

    names = [pattern.removeprefix("*.") for pattern in HOSTS]
    words = ["", *sorted({*names, *(f"zz.{name}" for name in names), *LITERALS, "zz", *(f"zz{text}" for text in TEXTS)})]

    def __init__(self):
        self.host = z3.Int("host-word")
        self.parts = [z3.Int(f"segment-word{number}") for number in range(MAX_SEGMENTS)]

    def value(self, text):
        return z3.IntVal(self.words.index(text)) if text in self.words else None

    def rules(self):
        rules = [self.host > 0, self.host < len(self.words)]
        for number, part in enumerate(self.parts):
            rules += [part < len(self.words), z3.If(COUNT > number, part > 0, part == 0)]
        return rules

    def one_of(self, variable, words):
        return z3.Or(*[variable == self.words.index(word) for word in words])

    def equals(self, variable, text):
        return self.one_of(variable, [text] if text in self.words else [])

    def ends_in(self, variable, text):
        return self.one_of(variable, [word for word in self.words if word.endswith(text) and len(word) > len(text)])


# The same policies as formulas.

def has_path(world, path):
    rules = []
    for number, segment in enumerate(path):
        part = world.parts[number]
        if segment.kind == "rest":
            return z3.And(*rules, COUNT > number)
        rules.append(world.equals(part, segment.text) if segment.kind == "literal" else world.ends_in(part, segment.text))
    return z3.And(*rules, COUNT == len(path))


def has_method(route):
    return z3.Or(*[METHOD == METHODS.index(method) for method in sorted(listed(route))])


def has_host(world, pattern):
    if pattern.startswith("*."):
        return world.ends_in(world.host, pattern[1:])
    return world.equals(world.host, pattern)


def passes(policy, route):
    if (route.mode or policy.mode) == "shadow":
        return z3.BoolVal(True)
    if route.access == "nobody" or (route.access == "public" and route.when is None):
        return z3.BoolVal(route.access == "public")
    trusted = route.issuers if route.issuers is not None else policy.issuers
    rules = [HAS_TOKEN, z3.Or(*[ISSUER == ISSUERS.index(name) for name in trusted])]
    rules += [HELD[scope] for scope in route.scopes]
    if route.any_scope:
        rules.append(z3.Or(*[HELD[scope] for scope in route.any_scope]))
    if route.when:
        rules.append(HOLDS[route.when])
    return z3.And(*rules)


def table(world, policy, pattern):
    """What one table says: the host's own routes and, where these do not answer the same, those of no host."""
    unlisted = z3.BoolVal(policy.mode == "shadow")
    own = [route for route in policy.routes if pattern in route.hosts]
    others = [route for route in policy.routes if not route.hosts]
    by_path = {}
    # The own ones first: the first that lists the method answers.
    for route in own + others:
        by_path.setdefault(route.path, []).append(route)
    said = unlisted
    # The most specific path decides; a method that it does not list does not fall through.
    for path in sorted(by_path, key=lambda path: [segment.rank() for segment in path]):
        here = unlisted
        for route in reversed(by_path[path]):
            here = z3.If(has_method(route), passes(policy, route), here)
        said = z3.If(has_path(world, path), here, said)
    return said


def allowed(world, policy):
    patterns = sorted({pattern for route in policy.routes for pattern in route.hosts})
    said = table(world, policy, None)
    # The exact host's table, else the longest wildcard's, else that of no host.
    for pattern in sorted(patterns, key=lambda pattern: (not pattern.startswith("*"), len(pattern))):
        said = z3.If(has_host(world, pattern), table(world, policy, pattern), said)
    return said


# What the command says.

def classes(world, differences, effects):
    """The requests that the command lists under these effects, or more of them."""
    found = []
    for difference in differences:
        if difference["effect"] not in effects:
            continue
        listed_here = difference["requests"]
        if "path" not in listed_here:
            return z3.BoolVal(True)
        # Of several paths only the first is named.
        is_one = listed_here["path"] and not listed_here["more_paths"]
        here = [has_path(world, read_path(listed_here["path"])) if is_one else z3.BoolVal(True)]
        if listed_here["other_hosts"] == "none":
            here.append(z3.Or(*[has_host(world, pattern) for pattern in listed_here["hosts"]]))
        methods = listed_here["methods"] or []
        named = z3.Or(*[METHOD == METHODS.index(method) for method in methods if method in METHODS])
        but = listed_here["every_method_but"]
        if but is not None:
            named = z3.Or(named, z3.And(*[METHOD != METHODS.index(method) for method in but if method in METHODS]))
        found.append(z3.And(*here, named))
    return z3.Or(*found)


def fixed(world, formula, example, caller):
    """Whether the formula holds for this request of this caller, or None where conditions decide."""
    parts = example["path"].split("?")[0].removeprefix("/")
    parts = parts.split("/") if parts else []
    holder = caller or {"issuer": ISSUERS[0], "scopes": []}
    values = [(world.host, world.value(example["host"])), (METHOD, z3.IntVal(METHODS.index(example["method"]))),
              (COUNT, z3.IntVal(len(parts))), (HAS_TOKEN, z3.BoolVal(caller is not None)),
              (ISSUER, z3.IntVal(ISSUERS.index(holder["issuer"] or ISSUERS[0])))]
    values += [(held, z3.BoolVal(scope in holder["scopes"])) for scope, held in HELD.items()]
    values += [(part, world.value(parts[number] if number < len(parts) else "")) for number, part in enumerate(world.parts)]
    said = z3.simplify(z3.substitute(formula, *values))
    return True if z3.is_true(said) else False if z3.is_false(said) else None


def witness(world, model):
    facts = [world.host, METHOD, COUNT, *world.parts, HAS_TOKEN, ISSUER, *HELD.values(), *HOLDS.values()]
    told = {str(fact): str(model.eval(fact, model_completion=True)) for fact in facts}
    told["method"] = METHODS[int(told["method"])]
    return told


def some_request(question):
    """A request for which the question's formula holds; it is made for the words that there are."""
    # Work is counted, not time. Where the search among all words takes too long, few words have to do.
    for world, work in ((AllWords(), MAX_WORK), (FewWords(), 0)):
        solver = z3.Solver()
        solver.set("rlimit", work)
        solver.add(*BOUNDS, *world.rules(), question(world))
        answer = solver.check()
        if answer != z3.unknown:
            return witness(world, solver.model()) if answer == z3.sat else None
    raise RuntimeError(f"the solver could not tell: {solver.reason_unknown()}")


def of_plain_paths(differences):
    """Those about paths that the solver knows."""
    return [one for one in differences if "several_readings_of" not in one["requests"]]


def disagreements(old, new, said):
    said = {**said, "differences": of_plain_paths(said["differences"])}
    count = collections.Counter(one["effect"] for one in said["differences"])
    unclear = count["cannot_tell"] > 0
    found = []
    for name, kept, other, effects in (("gained", new, old, ("more_open", "changed")),
                                       ("lost", old, new, ("more_closed", "changed"))):
        def alone(world, kept=kept, other=other):
            return z3.And(allowed(world, kept), z3.Not(allowed(world, other)))

        def outside(world, alone=alone, effects=effects):
            return z3.And(alone(world), z3.Not(classes(world, said["differences"], (*effects, "cannot_tell"))))

        claimed = any(count[effect] for effect in effects)
        request = some_request(alone)
        if request is not None and not claimed and not unclear:
            found.append(f"a request is {name}, and diff does not say so: {request}")
        if request is None and claimed:
            found.append(f"diff says that a request is {name}, and none is")
        if request is not None and (claimed or unclear) and (missed := some_request(outside)):
            found.append(f"a request is {name} that no class of diff has: {missed}")
    world = AllWords()
    before, after = allowed(world, old), allowed(world, new)
    for difference in said["differences"]:
        example = difference["example"]
        if example is None or example["preflight"] or example["method"] not in METHODS or not example["path"].startswith("/"):
            continue
        for trial in difference["trials"]:
            for formula, decided in ((before, trial["before"]), (after, trial["after"])):
                expected = fixed(world, formula, example, trial["caller"])
                if expected is not None and expected != (decided["decision"] == "allow"):
                    found.append(f"{example} by {trial['caller']}: diff says {decided}, the solver {expected}")
    return found


# One pair after the other.

CONFIG = "version: 1\npolicy: [old.json]\ntrust:\n" + "".join(
    f"- {{name: {name}, issuer: \"https://{name}.example\", audiences: [shop], algorithms: [ES256], jwks_file: {name}.json}}\n"
    for name in ISSUERS)


def pair(seed, number):
    draw = random.Random(f"{seed}/{number}")
    old = random_policy(draw)
    new = random_policy(draw) if draw.random() < 0.3 else changed(draw, old)
    return old, new


def judged(task):
    binary, seed, number = task
    old, new = pair(seed, number)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "old.json").write_text(written(old), encoding="utf-8")
        (folder / "new.json").write_text(written(new), encoding="utf-8")
        (folder / "portcullis.yaml").write_text(CONFIG, encoding="utf-8")
        command = [binary, "diff", "old.json", "new.json", "--config", "portcullis.yaml", "--format", "json"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return number, [f"diff ended with {done.returncode}: {done.stderr.strip()}"], None
    said = json.loads(done.stdout)
    return number, disagreements(old, new, said), said["summary"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", default="portcullis")
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    binary = arguments.binary.resolve()
    tasks = [(binary, arguments.seed, arguments.first + number) for number in range(arguments.pairs)]
    wrong, seen = 0, {}
    with multiprocessing.Pool() as pool:
        for number, found, summary in pool.imap(judged, tasks, chunksize=4):
            for effect, count in (summary or {}).items():
                seen[effect] = seen.get(effect, 0) + bool(count)
            if not found:
                continue
            wrong += 1
            old, new = pair(arguments.seed, number)
            print(f"pair {number} of seed {arguments.seed}:\n{written(old)}\n{written(new)}\n  " + "\n  ".join(found),
                  file=sys.stderr)
            if arguments.keep:
                folder = arguments.keep / str(number)
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "old.json").write_text(written(old), encoding="utf-8")
                (folder / "new.json").write_text(written(new), encoding="utf-8")
    print(f"{arguments.pairs} pairs of seed {arguments.seed}, {wrong} disagreements; differences of each kind in: {seen}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
