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
# (app-provenance)=
#
# # Where the results come from
#
# Every number of ours on the pages of the experiments is read from a stored result, and every stored
# result says what made it. This page reads all of them and lists what it finds. It is computed when the
# book is built, so it cannot lag behind the store.

# %%
from infovae_core.study import experiments
from infovae_core.study.inventory import inventory, strays
from infovae_core.study.store import Store, default_root

results_store = Store(default_root("cpu"))

# %% tags=["hide-input"]
# NBVAL_IGNORE_OUTPUT
import pandas as pd

pd.set_option("display.max_colwidth", None)  # All commits, however many.
inventory(results_store).T

# %% [markdown]
# "Runs" counts the results that were found intact, of those that the experiment lists at the seeds
# that are stored. Profiles that are the same runs share a column. A plus sign after a commit says
# that the package differed from it. "Hours" are those that training and measuring took, added up
# over the runs, on the device named and however busy it was; times that may be compared are
# measured apart, with the runs taking turns, and their captions say where.

# %%
print("results that no experiment asks for:", ", ".join(strays(results_store)) or "none")

# %% [markdown]
# ## How a result is keyed
#
# A run is a value: model, objective with all its options, latent dimension, seed, data set, length
# of training, and the rest of what decides a result. Its key is the SHA-256 of that value in
# canonical form, together with the digest of the data and a version number that is raised whenever
# the same settings would give another result. The name of a stored file ends in the first twelve
# digits of the key. A changed setting is therefore another key and another file, and an old result
# cannot stand in for a new question.

# %%
run = experiments.runs("experiment2", latent_dims=[20])[0]
print("name:", run.name)
print("key: ", run.key)

# %% [markdown]
# ## What a result says of its making

# %%
# NBVAL_IGNORE_OUTPUT
stored = results_store.require([run], "python -m infovae_core run experiment2")[run]
for name in ("device", "torch", "python", "commit", "finished", "seconds"):
    print(f"{name:9}{stored.provenance[name]}")

# %% [markdown]
# ## How a result is verified
#
# A result is two files: numbers in JSON, arrays in NPZ. The JSON is written last and names the
# SHA-256 of its arrays. When a result is read, its settings are compared with those of the run that
# asks for it, its key is computed anew, and the digest of the arrays is compared. A file that fails
# is moved aside with a warning, and its run counts as missing: a page then stops with the command
# that trains it, instead of showing something else. Nothing is unpickled.
#
# These commands read and verify all results of an experiment, name what is missing, and print one
# of them whole (`RUN` stands for a name that `status` lists):
#
# ```console
# $ python -m infovae_core status experiment1
# $ python -m infovae_core status experiment2
# $ python -m infovae_core status experiment3
# $ python -m infovae_core show RUN
# ```
#
# That files are intact does not show that a second training gives the same numbers. On the same
# device it gives the same bits; [Running it again](../book/reproduce.md) tells how to try.

# %% [markdown]
# :::{admonition} Run it again
# :class: tip
# This page takes no parameters. It is executed whenever the book is built, and so are all others:
#
# ```console
# $ make book
# ```
# :::
