"""Text for streams that cannot encode all of it: help, messages and bars in ASCII or cp1252."""

import codecs
import sys
import unicodedata

# What a plain reader takes each sign for; letters lose their accents, and what is left is a "?".
PLAIN = {
    "α": "alpha", "β": "beta", "δ": "delta", "ε": "eps", "λ": "lambda", "μ": "mu", "σ": "sigma",
    "τ": "tau", "χ": "chi", "−": "-", "–": "-", "—": "-", "…": "...", "×": "x", "·": "*",
    "≥": ">=", "≤": "<=", "≈": "~", "‖": "||", "√": "sqrt ", "∞": "inf", "→": "->", "’": "'",
    "“": '"', "”": '"', "²": "2", "½": "1/2", "█": "#", "│": "|", "─": "-", "ß": "ss",
}  # fmt: skip


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What to write for signs that the stream's encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign) or _bare(sign) for sign in signs), error.end


def _bare(sign: str) -> str:
    letters = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return letters or "?"


def anywhere() -> None:
    """Let this process write to its streams whatever they can encode."""
    codecs.register_error("infovae_core.legible", _plain)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # A replaced stream may lack it.
        if reconfigure is not None:
            reconfigure(errors="infovae_core.legible")
