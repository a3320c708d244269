"""What the pages say in words: their sentences, and those that state a result without a source."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("[bn]*/*.md"))
# Pages whose subject is what runs found; elsewhere mathematics uses the same words.
OF_RESULTS = (
    "book/index.md",
    "book/plane.md",
    "book/use.md",
    "book/contrast.md",
    "book/conclusion.md",
    "notebooks/experiment1.md",
    "notebooks/experiment2.md",
    "notebooks/experiment3.md",
    "notebooks/costs.md",
)
CLAIM = re.compile(r"^ *(:{3,}|`{3,})\{claim\} *([^\n]*)\n.*?^ *\1", re.DOTALL | re.MULTILINE)
# Whose result it would be, and what would be said of it.
WHO = (
    r"InfoVAE-\w+|MMD|Stein|Sinkhorn|Cramér|χ²|\\chi\^2|ReconAE|AAE|BN-VAE|Free-Bits VAE|β-VAE|"
    r"ContrastiveAE|\bVAEs?\b|autoencoders?|controllers?|schedules?|models?|codes|"
    r"plain loop|pythae|bfloat16|the step|all runs|annealed"
)
WHAT = (
    r"best|worst|better|worse|lowest|highest|lower|higher|larger|smaller|slower|faster|slowest|"
    r"fastest|fewer|collaps\w+|escap\w+|(not )?reproduced|agrees?|outperforms?|reconstructs?|"
    r"classif(y|ies)|misclassif\w+|aligned|diverges?|diverged|levels? off|rises?|improves?|"
    r"(has|have|had) left|tells? apart|told apart|twice|times as|steady|steadier|stabiliz\w+"
)
# A number of a measurement: decimals, or an amount with its unit.
NUMBER = r"(?<![\w.§])(\d+\.\d+|\d+(?= ?(nats|times|%|ms|s\b|steps a second)))"
SOURCE = r"\{glue:text\}"


def text(page: str) -> str:
    """The words of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def claims(words: str) -> list[str]:
    """The ids of the claims that a page shows one by one, in its answer or in a line each."""
    answers = " ".join(re.findall(r"^(?::thesis:|:ours:|:::\{verdicts\}) (.*)$", words, re.M))
    named = [name for match in CLAIM.finditer(words) for name in match[2].split()]
    return [*answers.split(), *named]


def sentences(words: str) -> list[str]:
    """Running text alone: no headings, code, directives, tables, mathematics or link targets."""
    words = CLAIM.sub("", words)
    words = re.sub(r"\A---.*?^---", "", words, flags=re.DOTALL | re.MULTILINE)
    words = re.sub(r"^ *(`{3,}|:{3,}|\$\$).*?^ *\1", "", words, flags=re.DOTALL | re.MULTILINE)
    words = re.sub(r"^( *\||#|\().*$", "", words, flags=re.MULTILINE)
    words = re.sub(r"\$[^$]*\$|\{cite:\w+\}`[^`]*`|\]\([^)]*\)", " ", words)
    found = []
    for paragraph in re.split(r"\n\s*\n", words):
        joined = " ".join(paragraph.split())
        found += re.split(r"(?<=[.!?])[*\"]*\s+(?=[A-Zλχβ*{\"\[])", joined)
    return [one for one in found if one]


def sections(words: str) -> dict[str, str]:
    """What stands under each heading, up to the next one of any level."""
    parts = re.split(r"^#+ (.*)\n", words, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def states(plain: str) -> bool:
    """Whether words say of whose result what it is."""
    return bool(re.search(rf"({WHO})", plain) and re.search(rf"\b({WHAT})\b", plain))


def bare_statements(words: str) -> list[str]:
    """Sentences that state a result and neither carry its number nor are a claim."""
    found = []
    for one in sentences(words):
        if re.search(SOURCE, one) or one.endswith("?"):
            continue
        plain = re.sub(r"\{\w+(:\w+)*\}`[^`]*`|`[^`]*`", " ", one)
        if states(plain) or re.search(NUMBER, plain):
            found.append(one)
    return found
