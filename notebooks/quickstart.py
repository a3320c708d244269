# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Quick start
#
# A first InfoVAE, trained while you watch: no download, no GPU, some seconds. The data are the
# 1,797 handwritten digits that come with scikit-learn, enlarged to the size of MNIST.
#
# An **objective** is a composition: reconstruction, plus $(1-\alpha)$ times the KL term, plus
# $(\alpha+\lambda-1)$ times a divergence between the aggregate posterior $q(z)$ and the prior
# $p(z)$. With $\alpha = 1$ the KL term drops out and all of the alignment rests on the divergence,
# here a maximum mean discrepancy {cite:p}`gretton2012`. Its weight $\lambda$ is in the units of the
# divergence: what is strong for one is weak for another. The kernel's bandwidth grows with the
# dimension, $\sigma^2 = d$.

# %%
from infovae_core import data
from infovae_core.objectives import Objective
from infovae_core.report.figures import plots

plots.style()
digits = data.load("digits")
objective = Objective(alpha=1, lam=35, divergence="mmd", options={"bandwidth": "sqrt_d"})
print(f"{len(digits.train.images):,} training images")
print(f"a penalty of {objective.weight:g} times the {objective.divergence}:")
print(objective.options)

# %% [markdown]
# A **run** is a value: it names everything that decides the result. Two equal runs on the same
# device give the same bits.

# %%
from infovae_core.run import Run

run = Run(
    model="infovae_mmd",
    objective=objective,
    latent_dim=2,
    seed=0,
    data="digits",
    batch_size=64,
    learning_rate=2e-3,
    steps=500,
    eval_every=100,
    val_batches=50,
)
print(run.name)

# %% [markdown]
# Training is one call. It shows how far it is, and follows the validation MMD as it goes.

# %% tags=["remove-stderr"]
# NBVAL_IGNORE_OUTPUT
from tqdm import tqdm

from infovae_core.study import grid

with tqdm(total=run.steps, unit="step") as bar:
    result, model = grid.train(run, digits, bar.update)
print(f"{run.steps} steps in {result.metrics['train_seconds']:.1f} s")

# %% [markdown]
# ## What it learned
#
# Ten test digits and what the decoder makes of one draw from each posterior; below them, ten
# draws from the prior, decoded.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-quickstart-digits", "caption": "Test digits, their reconstructions from one posterior draw each, and decoded draws from the prior. InfoVAE-MMD on the embedded digits, $d = 2$, seed 0, trained while this page was built."}, "image": {"alt": "Three rows of ten small digit images: originals, blurred but recognizable reconstructions, and samples that look like digits.", "width": "640px"}}
# NBVAL_IGNORE_OUTPUT
pictures = ("originals", "reconstructions", "samples")
plots.digits({name: result.arrays[name] for name in pictures})
plots.plt.show()

# %% [markdown]
# With two latent dimensions the code is a plane. The circles hold half and 95 % of the prior's
# mass: where the aggregate posterior is aligned, half of the points lie inside the inner one.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-quickstart-plane", "caption": "The latent plane: one posterior draw for each of 250 validation digits, over circles that hold 50 % and 95 % of the prior. Same run as {numref}`fig-quickstart-digits`."}, "image": {"alt": "Scatter plot of codes in the plane, coloured by digit; digits form clusters that together fill the circles of the standard normal prior.", "width": "520px"}}
# NBVAL_IGNORE_OUTPUT
plots.latent_plane(result.arrays["codes"], result.arrays["code_labels"])
plots.plt.show()

# %% [markdown]
# Numbers say the same, each by its own ruler: reconstruction in nats per image, the size of the
# codes relative to the prior's ($\|z\|/\sqrt d$, near 1 where the two agree), and how well a
# classifier tells codes from prior draws (0.5: not at all).

# %%
# NBVAL_IGNORE_OUTPUT
rulers = ("test_bce", "val_mmd", "norm_ratio", "classifier_auc", "svm_error")
for name in rulers:
    print(f"{name:16} {result.metrics[name]:8.3f}")

# %%
first, last = result.arrays["curve"][0], result.arrays["curve"][-1]
print("reconstruction improved:", bool(last[1] < first[1]))
size = result.metrics["norm_ratio"]
print("codes are of the prior's size:", 0.75 < size < 1.25)

# %% [markdown]
# ## Next
#
# Exchange the divergence: `divergence="cramer"`, `"sinkhorn"`, `"stein"`, or one that learns,
# `"chi2"` and `"js"`. What that does on MNIST, at seven latent dimensions, is
# [Experiment 2](experiment2.ipynb). The same run from a shell, with its results stored:
#
# ```console
# $ python -m infovae_core run experiment2 --profile smoke
# ```

# %% [markdown]
# :::{admonition} Run it again
# :class: tip
# This page takes no parameters. It is executed whenever the book is built, and so are all others:
#
# ```console
# $ make book
# ```
# :::
