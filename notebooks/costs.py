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
# (ch-costs)=
# # What it costs
#
# How long does a training take, how far is that from what the machine could do, and what would a
# larger study cost? This page answers from measurements. They are stored, as all results of this book
# are, and the page is drawn from them. Nothing here is a test: no test of the project depends on a time.
#
# All contenders train InfoVAE-MMD of [Experiment 2](experiment2.ipynb), at 20 latent dimensions and
# minibatches of 128. Each has a process of its own. They take turns, so that what slows the machine
# down slows all of them alike, and a first turn warms up and is not counted. A number is the median over
# the turns; brackets hold the least and the greatest. A ratio is taken turn by turn.

# %%
from infovae_core.report import costs

record = costs.require("cpu")
graphics = costs.load("cuda")

# %% tags=["remove-input", "remove-output"]
# NBVAL_IGNORE_OUTPUT
from myst_nb import glue

from infovae_core.report.figures import cost_plots, plots

plots.style()
glue("provenance", costs.provenance(record), display=False)
findings = costs.findings(record)
for name, value in findings.items():
    glue(name, value, display=False)
for experiment in ("experiment2", "experiment3"):
    least, greatest = costs.published_seconds(experiment)
    glue(f"{experiment}_least", least, display=False)
    glue(f"{experiment}_greatest", greatest, display=False)

# %% tags=["remove-input"]
# NBVAL_IGNORE_OUTPUT
from IPython.display import Markdown, display

if record["quick"]:
    display(
        Markdown(
            "**The record shown here is of a quick run, made for development. "
            "Its numbers are no finding.**"
        )
    )
for message in record["absent"].values():
    display(Markdown(f"Not measured: {message}"))

# %% [markdown]
# ## A training step on the CPU
#
# **Ours** is the loop that the experiments use, in single precision and in mixed precision with
# bfloat16. The **plain loop** is what one would write first: PyTorch's layers in their default layout, a
# shuffled loader with two workers that decodes images, and a loss that is read at every step.
# **pythae** {cite:p}`chadebec2022`, version `0.1.2`, is a library of autoencoders with an InfoVAE-MMD and a
# trainer of its own. It gets the plain loop's network, its kernel's bandwidth is set to ours, and its
# images are tensors in memory, which its own loader collates without workers, its default. On equal
# weights, draws and images the three have the same loss and the same gradient; a test holds them to it
# (`tests/test_benchmarks.py`).
#
# The **limit** is the rate at which the machine multiplies large matrices, divided by the operations that
# the convolutions and linear layers of one step need. A step that did nothing else, at that rate, would
# reach it.

# %% tags=["hide-input"]
# NBVAL_IGNORE_OUTPUT
costs.table(record, "one run, all cores")

# %% [markdown]
# One run on all cores. {glue:text}`provenance`
#
# A study has many runs, and a core that trains one of them does not wait for another core. The second
# measure is that of `--workers`: as many processes as there are cores, each with one thread, all of them
# at once. Steps of all runs are counted.

# %% tags=["hide-input"]
# NBVAL_IGNORE_OUTPUT
costs.table(record, "one run a core")

# %% [markdown]
# A run on every core, all at once. {glue:text}`provenance`

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-costs-contenders", "caption": "Steps per second, all runs together: medians, and lines from the least to the greatest of the turns. Circles are ours, squares the peers; vertical lines are the limits that the rate of matrix products sets. {glue:text}`provenance`"}, "image": {"alt": "Two panels of steps per second on a logarithmic axis, one run on all cores and one run a core, with a dot for each of ours in single and mixed precision, the plain loop and pythae, and vertical lines for the limits.", "width": "860px"}}
cost_plots.contenders(record, ["one run, all cores", "one run a core"])
plots.plt.show()

# %% [markdown]
# :::{claim} loop-beside-plain a-run-on-every-core
# :::
#
# There is less to gain than one might think: the plain loop itself attains
# {glue:text}`all_plain_loop_percent:.0f` % of the limit on all cores, and
# {glue:text}`core_plain_loop_percent:.0f` % with a run on every core.
#
# :::{claim} little-to-gain
# :::

# %% [markdown]
# ### Beside the thesis's times
#
# The thesis {cite:p}`ekici2025` reports {glue:text}`experiment2_least:.0f` to {glue:text}`experiment2_greatest:.0f` s a run in
# Experiment 2, and {glue:text}`experiment3_least:.0f` to {glue:text}`experiment3_greatest:.0f` s in Experiment 3, on an NVIDIA
# A100; they include data loading and evaluation. The 3,900 steps of
# such a run of Experiment 2 take {glue:text}`all_ours_fp32_full:.0f` s of training here, on all cores of the
# machine named above, or {glue:text}`all_ours_bf16_full:.0f` s with bfloat16; the plain loop takes
# {glue:text}`all_plain_loop_full:.0f` s. Machines and contents differ, so that these are no ratio of speeds. The
# decoder of Experiment 3 is another matter at its full width;
# [Running it again](../book/reproduce.md) says which profiles are meant for a GPU.
#
# ### Does bfloat16 change results?
#
# Training is chaotic: a rounding early on ends in other weights, as another seed does. What can be asked is
# whether bfloat16 moves a result further than a seed would. Experiment 2 is stored in both precisions at 20
# latent dimensions. The table compares natural logarithms of its metrics, so that $0.01$ is about one per
# cent. The first column is the root mean square of bfloat16 minus single precision, over the runs that have
# both. The second is what two independent seeds would give. Were bfloat16 nothing but one more seed, the
# ratio of the squares would follow an F distribution, and would exceed the limit in one case of twenty
# (`precision.py`). The χ² penalty is left out: its outcome is so much a matter of the seed that beside its
# variance any gap would look small.

# %% tags=["hide-input"]
from infovae_core.report import precision

gaps, with_chi2 = precision.stored_gaps(), precision.stored_gaps(but=None)
precision.table(gaps)

# %% tags=["remove-input"]
display(
    Markdown(
        f"{gaps['pairs'].max()} runs have both precisions; the variance over seeds has "
        f"{gaps['freedom'].max()} degrees of freedom. {gaps['within'].sum()} of the {len(gaps)} ratios stay "
        f"below their limit; with χ² it would be {with_chi2['within'].sum()}. The results that this book "
        "shows elsewhere are all of single precision."
    )
)

# %% [markdown]
# ### What profiling found
#
# The step is the same mathematics in every contender. What differs is how it reaches the processor.
#
# Activations keep one **layout**, channels last, from the first convolution to the last, through
# flattening and its inverse (`models.py`). No gradient is brought from one order into the other.
#
# One model is computed by PyTorch's **convolutions**, with two exceptions (`layers.py`). The last
# transposed convolution has a single channel, and is forward a matrix product whose windows are summed
# where they overlap. The bias of both transposed convolutions is added apart, because inside the library
# its gradient takes as long as that of the weights. With the library's own transposed convolutions
# the step runs at {glue:text}`without_the_librarys_transposed_convolutions_speed:.2f` times its speed.
#
# **Memory that is freed stays.** glibc by default may return large blocks to the kernel, which then hands
# them out page by page, cleared, at the next step. The thresholds are raised (`devices.py`). **Adam** updates
# all parameters in one fused kernel (`step.py`). The table below has what each of these is worth on this
# machine; where its brackets include 1, too little to be measured.

# %% tags=["remove-input"]
# NBVAL_IGNORE_OUTPUT
compiled = findings.get("without_compiled_speed")
measured = (
    "There was no compiler to try it here."
    if compiled is None
    else f"The compiled step runs at {compiled:.2f} times the speed of the step as it is."
)
Markdown(
    f"**Compiling** the model with `torch.compile` is not used. {measured} Most of the time goes into the "
    "convolutions, which are the same library's either way, and each run of a grid would wait for a "
    "compilation of its own."
)

# %% [markdown]
# **Denormal numbers** count as zero while training (`grid.py`). They arise in kernels of codes that are far
# apart and in Adam's averages of gradients that have died out. The models measured here are too young to
# have many, so that no number on this page shows the effect.
#
# **The data stay on the device** as one tensor. A minibatch is an index, losses are collected without being
# read, and no loader runs.
#
# **Validation** encodes each image once, although 500 minibatches of 128 draw on 5,000 images, and
# evaluates kernels in batches: {glue:text}`validation_batched_rate:.2f` validations a second, where a loop
# over minibatches makes {glue:text}`validation_minibatch_by_minibatch_rate:.2f`. The models of a stack are
# encoded and compared together, and what was measured is read from the device once for all of them.

# %% tags=["hide-input"]
# NBVAL_IGNORE_OUTPUT
costs.table(record, "one step, a finding left out")

# %% [markdown]
# Our step on all cores, in single precision; the same with one finding left out; and compiled.
# {glue:text}`provenance`
#
# ## How the cost grows
#
# Several runs can be trained as one program, side by side, as a stack of $R$ models under PyTorch's
# `vmap`. Time and memory of a step are measured against $R$, the minibatch $n$ and the latent
# dimension $d$, each in a fresh process whose memory is counted from before the model exists.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-costs-growth", "caption": "Time (above; medians and ranges of the turns) and peak memory (below) of a training step of InfoVAE-MMD on all cores, against the number of runs in a stack, the minibatch and the latent dimension. Where they do not vary, R = 1, n = 128 and d = 20. Dotted lines have slope 1. {glue:text}`provenance`"}, "image": {"alt": "Six panels on logarithmic axes, time above and memory below, against runs in the stack, minibatch and latent dimension. The first two rise, the third is nearly flat.", "width": "860px"}}
cost_plots.growth(record)
plots.plt.show()

# %% [markdown]
# :::{claim} stack-on-a-cpu
# :::
#
# The grid stacks no runs on a CPU unless it is told to, and up to 32 on a GPU.
#
# :::{claim} step-does-not-grow-with-d
# :::
#
# The convolutions, which are most of the work, do not depend on $d$.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-costs-divergences", "caption": "Time (left) and peak memory (right) of a divergence with its gradient, between n codes and n draws in 20 dimensions, on all cores. Dotted lines have slope 2. {glue:text}`provenance`"}, "image": {"alt": "Two panels on logarithmic axes, time and memory against the number of samples, with a line each for MMD, Stein, Cramér and Sinkhorn that steepen towards slope two; Sinkhorn is the slowest.", "width": "860px"}}
cost_plots.divergences(record)
plots.plt.show()

# %% [markdown]
# All four compare every code with every draw, so that time and memory grow with $n^2$ once the matrices are
# larger than what a call costs in any case.
#
# :::{claim} divergences-beside-a-step
# :::

# %% tags=["hide-input"]
# NBVAL_IGNORE_OUTPUT
costs.growth_table(record)

# %% [markdown]
# Exponents of time and memory, by least squares on logarithms over all points ("all"), and between the
# last two ("end"), where what does not grow weighs least, beside the exponent that the operation counts
# lead one to expect. {glue:text}`provenance`
#
# ## A grid on workers, and ten thousand runs
#
# A grid's runs are independent, and its time should be proportional to their number and fall with the
# number of workers. Whole grids of short runs on scikit-learn's digits are timed here, through the
# command's own path: worker processes are started, runs trained, measured and stored.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-costs-grid", "caption": "Wall time of grids of short runs against the number of runs, for one worker process and for several, each with one thread; markers with the range of the repetitions, lines by least squares. Where a line meets the axis is what starting the workers costs. {glue:text}`provenance`"}, "image": {"alt": "Wall time in seconds against the number of runs in the grid: a straight line for each number of workers, less steep for more workers, and both starting above zero.", "width": "620px"}}
cost_plots.grids(record)
plots.plt.show()

# %% tags=["hide-input"]
# NBVAL_IGNORE_OUTPUT
costs.grid_table(record)

# %% [markdown]
# The last column is not measured: it is the slope, times ten thousand.
#
# A run of Experiment 2 is longer. With a run on every core, ten thousand of them would take
# {glue:text}`many_fp32_days:.0f` days of training on this machine, or {glue:text}`many_bf16_days:.0f` with bfloat16:
# their {glue:text}`many_million_steps:.0f` million steps at the rate measured above, again an extrapolation, and
# without evaluations. Since
# runs share nothing, twice the machines would need half of that.
#
# ## On a GPU

# %% tags=["remove-input"]
# NBVAL_IGNORE_OUTPUT
if graphics is None:
    text = (
        "No measurement on a GPU is stored yet. The same command measures one where there is one, with "
        f"`{costs.COMMANDS['cuda']}`: a single run beside stacks of 8 and 32 and beside one of all of Experiment 2, in single and mixed "
        "precision, with the card's own rate of matrix products as the limit. This page will then show it."
    )
else:
    text = (
        f"Steps of all runs of a stack together. {costs.provenance(graphics)}\n\n"
        + costs.table(graphics, "stacks").to_html()
        + "\n\n"
        + costs.growth_table(graphics).to_html()
    )
Markdown(text)

# %% [markdown]
# :::{admonition} Run it again
# :class: tip
# This measures all of the above anew in some minutes, on a machine that should have nothing else to do,
# and stores it for this page. It installs pythae into the environment first.
#
# ```console
# $ make bench
# ```
# :::
