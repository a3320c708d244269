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
# (app-grids)=
#
# # Grids of reconstructions and samples
#
# All ten digits, as each model of [Experiment 3](experiment3.ipynb) reconstructs them at three
# latent dimensions: the content of the appendix of the thesis {cite:p}`ekici2025`, its Figures 7
# to 9, for eight models instead of six. Its Figure 6, one digit over all dimensions, is
# {numref}`fig-6`. Each picture is the decoder's mean for a single draw
# $z = \mu + \sigma \odot \varepsilon$ from the posterior, with one $\varepsilon$ for all models of a
# dimension. The inputs are the first test digit of each class.

# %% tags=["parameters"]
profile: str = "brief"  # smoke (digits, seconds), brief, cpu or paper (MNIST)
track: str = "as_written"  # the thesis's text, taken at its word
seeds: list[int] = [0]  # the first of them is shown
latent_dims: list[int] | None = [5, 20, 60]  # those that are shown
device: str = "auto"  # auto, cpu, cuda: where to train
train_missing: bool = False  # train what is not stored, or stop

# %%
from infovae_core.study.parameters import Parameters

parameters = Parameters.read(globals())

# %% tags=["remove-stderr"]
from infovae_core import devices
from infovae_core.report import captions
from infovae_core.report.figures import plots
from infovae_core.study import experiments, grid, store

runs = experiments.runs("experiment3", **parameters.selection)
results_store = store.Store(store.default_root(parameters.profile))
if parameters.train_missing:
    grid.run_grid(runs, results_store, devices.resolve(parameters.device))
results = results_store.require(runs, parameters.command("experiment3"))
models = experiments.EXPERIMENT3_MODELS
plots.style()
print(f"{len(results)} runs of {runs[0].steps:,} steps on {runs[0].data}")

# %% tags=["remove-input", "remove-output"]
# NBVAL_IGNORE_OUTPUT
from myst_nb import glue

glue("provenance", captions.provenance(parameters, results), display=False)

# %% [markdown]
# ## d = 5

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-7", "caption": "All ten digits at d = 5, as in the thesis's Figure 7. {glue:text}`provenance`"}, "image": {"alt": "A grid of images of the ten digits, one row for each digit and one column for each model, at five latent dimensions.", "width": "860px"}}
plots.ten_digits(results, 5, models)
plots.plt.show()

# %% [markdown]
# Classes are still confused by all models, 4 with 9 and 5 with 9 or 6. The strokes of the VAE's
# digits are a flat grey, pixels that its decoder leaves undecided.
#
# ## d = 20

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-8", "caption": "All ten digits at d = 20, as in the thesis's Figure 8. {glue:text}`provenance`"}, "image": {"alt": "A grid of images of the ten digits, one row for each digit and one column for each model, at twenty latent dimensions.", "width": "860px"}}
plots.ten_digits(results, 20, models)
plots.plt.show()

# %% [markdown]
# ## d = 60

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-9", "caption": "All ten digits at d = 60, as in the thesis's Figure 9. {glue:text}`provenance`"}, "image": {"alt": "A grid of images of the ten digits, one row for each digit and one column for each model, at sixty latent dimensions.", "width": "860px"}}
plots.ten_digits(results, 60, models)
plots.plt.show()

# %% [markdown]
# At $d = 20$ and $60$ the models that reconstruct well differ in details only, which no ranking should
# rest on. At $d = 60$ the β-VAE draws one shape for all digits: its code collapsed.

# %% [markdown]
# ## Samples
#
# What each model decodes from ten draws of the prior, the same for all models of a dimension: the
# decoder's mean, as above. A model whose codes have left the prior has never decoded such a $z$.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-samples-5", "caption": "Samples at d = 5: ten draws z from the prior (columns), decoded by each model (rows). {glue:text}`provenance`"}, "image": {"alt": "A grid of decoded prior samples at five latent dimensions, one row for each model and ten columns.", "width": "860px"}}
plots.samples(results, 5, models)
plots.plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-samples-20", "caption": "Samples at d = 20, as in {numref}`fig-samples-5`. {glue:text}`provenance`"}, "image": {"alt": "A grid of decoded prior samples at twenty latent dimensions, one row for each model and ten columns.", "width": "860px"}}
plots.samples(results, 20, models)
plots.plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-samples-60", "caption": "Samples at d = 60, as in {numref}`fig-samples-5`. {glue:text}`provenance`"}, "image": {"alt": "A grid of decoded prior samples at sixty latent dimensions, one row for each model and ten columns.", "width": "860px"}}
plots.samples(results, 60, models)
plots.plt.show()

# %% [markdown]
# :::{admonition} Run it again
# :class: tip
# This executes the page anew and trains what is not stored; `PROFILE` is `smoke`, `brief`, `cpu` or `paper`,
# and [Running it again](../book/reproduce.md) explains it.
#
# ```console
# $ make reproduce EXPERIMENT=grids PROFILE=cpu
# ```
# :::
