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
# # Models and settings
#
# What the three experiments train, read from the code that trains it: the registry of divergences,
# the table of variants, and the specifications of the runs. The tables have the content of the
# thesis's Tables 1 and 2 {cite:p}`ekici2025`; as they are computed, they cannot say anything else
# than what is run.
#
# ## Divergences
#
# **Table 1.** What may stand for $D\bigl(q(z)\,\|\,p(z)\bigr)$ in the objective. A learned divergence
# is the value of a variational bound that a critic attains while the model trains. "Options" are
# those of the experiments; a bandwidth is the kernel's $\sigma$.

# %% tags=["hide-input"]
from infovae_core.report import tables

tables.divergence_table()

# %% [markdown]
# Sources: {cite:t}`makhzani2016`, {cite:t}`liu2016`, {cite:t}`gretton2012`, {cite:t}`genevay2018`,
# {cite:t}`szekely2013`, {cite:t}`nguyen2010`. The thesis's table names Stein variational gradient
# descent, which moves particles; its penalty, and ours, is the discrepancy that belongs to it.
#
# ## Variants
#
# Every model is one objective: a reconstruction term, the KL term with weight $1 - \alpha$, and a
# divergence $D$ of the aggregate posterior with weight $\alpha + \lambda - 1$.

# %% tags=["hide-input"]
tables.variant_table()

# %% [markdown]
# ## Experiments
#
# **Table 2.** The settings of the three experiments as the pages show them, read from the
# specifications of their runs.

# %% tags=["hide-input"]
tables.setting_table()

# %% [markdown]
# At the thesis's full size (profile `paper`) they are these.

# %% tags=["hide-input"]
tables.setting_table("paper")

# %% [markdown]
# "Validation" is the number of fixed minibatches times their size; $B$ is the training minibatch.
# $\alpha$ and $\lambda$ are those of the models with a divergence; in Experiment 1 schedules start from
# them.
# The encoder has two convolutions (32 and 64 channels, $4 \times 4$, stride 2) and a linear layer for
# each of $\mu$ and $\log\sigma^2$. The decoder of Experiments 1 and 2 mirrors it with transposed
# convolutions. That of Experiment 3 has a linear layer, two nearest-neighbour upsamplings with a
# trained $3 \times 3$ convolution each, five masked $3 \times 3$ convolutions (the first of type A,
# which leaves 4 of 9 taps, the others of type B, with 5), and a $1 \times 1$ convolution. Its masks act
# on features of the code and never on pixels, so that here as everywhere the pixels are
# independent given the code.

# %% [markdown]
# :::{admonition} Run it again
# :class: tip
# This page takes no parameters. It is executed whenever the book is built, and so are all others:
#
# ```console
# $ make book
# ```
# :::
