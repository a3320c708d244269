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
# # Experiment 3: eight models
#
# Does a simpler model do as well as InfoVAE? The thesis {cite:p}`ekici2025` (§3.5) compares
# InfoVAE-MMD with five others over seven latent dimensions: a plain autoencoder (ReconAE), free bits
# {cite:p}`kingma2016`, batch norm before the encoder's heads {cite:p}`zhu2020`, an adversarial
# autoencoder {cite:p}`makhzani2016`, and an autoencoder with a contrastive loss on its codes. Its
# electronic appendix trains two more, the VAE {cite:p}`kingma2014` and the β-VAE with $\beta = 4$
# {cite:p}`higgins2017`; all eight are here. [Models and settings](settings.ipynb) lists what each of
# them minimizes.
#
# **This is not the thesis's full size.** The decoder of masked convolutions with 128 channels, ten
# epochs and 56 runs need a GPU. The stored results shown below are those of the profile `cpu`, which
# two processor cores finish in about two hours: {glue:text}`channels` channels and
# {glue:text}`epochs` epochs. Published values are drawn beside them to compare shapes and orders,
# not levels.
#
# Where the text leaves a choice open, ours is this. All models use the text's $\lambda = 1000$,
# $\alpha = 1$ where they have an MMD; the adversarial and the contrastive loss have weight 1. Every
# metric is measured on codes $z$, one draw from $q(z \mid x)$, for every model, with batch norm in
# evaluation mode. A ReLU follows each masked convolution.

# %% tags=["parameters"]
profile: str = "cpu"  # smoke (digits, seconds), cpu or paper (MNIST)
track: str = "as_written"  # the thesis's text, taken at its word
seeds: list[int] = [0]  # one run of every cell for each
latent_dims: list[int] | None = None  # None: all of the profile's
device: str = "auto"  # auto, cpu, cuda: where to train
train_missing: bool = False  # train what is not stored, or stop

# %% [markdown]
# The parameters above are papermill's. Results are read from the store; where one is missing, the
# next cell stops with the command that makes it, or makes it if `train_missing` is set.

# %%
from infovae_core.parameters import Parameters

parameters = Parameters.read(globals())

# %% tags=["remove-stderr"]
from infovae_core import devices, experiments, frames, grid, plots, store, tables, timing

runs = experiments.runs("experiment3", **parameters.selection)
results_store = store.Store(store.default_root(parameters.profile))
if parameters.train_missing:
    device = devices.resolve(parameters.device)
    grid.run_grid(runs, results_store, device)
    timing.time_grid(runs, results_store, device)
results = results_store.require(runs, parameters.command("experiment3"))
timing.require_timed(results, parameters.command("experiment3", "time"))
ours, theirs = frames.frame(results), frames.published("exp3")
models = experiments.EXPERIMENT3_MODELS
plots.style()
print(f"{len(results)} runs of {runs[0].steps:,} steps on {runs[0].data}")

# %% tags=["remove-input", "remove-output"]
# NBVAL_IGNORE_OUTPUT
from myst_nb import glue

glue("provenance", tables.provenance(parameters, results), display=False)
glue("channels", runs[0].masked_channels, display=False)
glue("epochs", runs[0].steps // 390, display=False)
glue("timed", tables.timed(results), display=False)
for name, value in tables.findings(ours, theirs).items():
    glue(name, value, display=False)

# %% [markdown]
# ## Alignment of the codes

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-4a", "caption": "Validation MMD (mean root of the clipped unbiased MMD², RBF kernel, σ = 1) against the latent dimension, with the values of the thesis's Figure 4(a), which has no VAE and no β-VAE. The thin line is what the ruler reads for codes with no alignment at all. A value of zero cannot be drawn. {glue:text}`provenance`"}, "image": {"alt": "Eight panels, one for each model, of validation MMD on a logarithmic axis against latent dimension, ours and published.", "width": "860px"}}
plots.sweep(ours, theirs, "val_mmd", "validation MMD", models, log=True, reference=True)
plots.plt.show()

# %% [markdown]
# TEXT-A

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-4-norm", "caption": "Mean size of the codes relative to the prior's, ‖z‖/√d on validation images; 1 is the prior's own. The thesis does not report it. {glue:text}`provenance`"}, "image": {"alt": "Eight panels, one for each model, of the mean norm of codes divided by the root of the dimension, on a logarithmic axis, against latent dimension.", "width": "860px"}}
plots.sweep(ours, theirs, "norm_ratio", "‖z‖ / √d", models, log=True)
plots.plt.show()

# %% [markdown]
# ## Training time

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-4b", "caption": "Seconds of training. Ours: the median time of a training step, all models taking turns on an otherwise idle machine, times the number of steps ({glue:text}`epochs` epochs, {glue:text}`channels` channels); {glue:text}`timed`. With the values of the thesis's Figure 4(b): ten epochs and a larger decoder on a data-centre GPU, data loading and evaluation included. {glue:text}`provenance`"}, "image": {"alt": "Eight panels, one for each model, of training seconds against latent dimension, ours and published.", "width": "860px"}}
plots.sweep(ours, theirs, "timed_seconds", "training time (s)", models, log=True)
plots.plt.show()

# %% [markdown]
# TEXT-B
#
# ## Reconstruction

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-5a", "caption": "Test reconstruction loss, binary cross-entropy in nats per image of one draw z, with the values of the thesis's Figure 5(a). {glue:text}`provenance`"}, "image": {"alt": "Eight panels, one for each model, of test binary cross-entropy against latent dimension, ours and published.", "width": "860px"}}
plots.sweep(ours, theirs, "test_bce", "test BCE (nats per image)", models)
plots.plt.show()

# %% [markdown]
# TEXT-C
#
# ## Usefulness of the codes

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-5b", "caption": "Test error of a linear support vector machine on codes z, 100 labels a class, with the values of the thesis's Figure 5(b). {glue:text}`provenance`"}, "image": {"alt": "Eight panels, one for each model, of classification error against latent dimension, ours and published.", "width": "860px"}}
plots.sweep(ours, theirs, "svm_error", "classification error", models)
plots.plt.show()

# %% [markdown]
# TEXT-D
#
# ## Reconstructions to look at
#
# Each picture is the decoder's mean for a single draw $z = \mu + \sigma \odot \varepsilon$ from the
# posterior; at each dimension $\varepsilon$ is the same for all models. The inputs are the first
# test digit of each class.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-6", "caption": "The digit 6: the input, and its reconstruction by each model (columns) at each latent dimension (rows), as in the thesis's Figure 6. {glue:text}`provenance`"}, "image": {"alt": "A grid of images of a handwritten six, one row for each latent dimension and one column for each model.", "width": "860px"}}
plots.one_digit(results, 6, models)
plots.plt.show()

# %% [markdown]
# TEXT-E

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-7", "caption": "All ten digits at d = 5, as in the thesis's Figure 7. {glue:text}`provenance`"}, "image": {"alt": "A grid of images of the ten digits, one row for each digit and one column for each model, at five latent dimensions.", "width": "860px"}}
plots.ten_digits(results, 5, models)
plots.plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-8", "caption": "All ten digits at d = 20, as in the thesis's Figure 8. {glue:text}`provenance`"}, "image": {"alt": "A grid of images of the ten digits, one row for each digit and one column for each model, at twenty latent dimensions.", "width": "860px"}}
plots.ten_digits(results, 20, models)
plots.plt.show()

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-9", "caption": "All ten digits at d = 60, as in the thesis's Figure 9. {glue:text}`provenance`"}, "image": {"alt": "A grid of images of the ten digits, one row for each digit and one column for each model, at sixty latent dimensions.", "width": "860px"}}
plots.ten_digits(results, 60, models)
plots.plt.show()

# %% [markdown]
# TEXT-F
#
# ## What agrees, and what does not
#
# TEXT-G
#
# ## Ours beside theirs

# %% tags=["hide-input"]
# NBVAL_IGNORE_OUTPUT
tables.beside(ours, theirs)

# %% [markdown]
# In brackets the published value, where there is one. {glue:text}`provenance`
