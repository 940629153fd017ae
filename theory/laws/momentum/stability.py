"""Largest step sizes with momentum, by the criterion of Schur and Jury."""

import sympy as sp

from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.indicator import Positive
from theory.nodes.momentum import BELOW_ONE, MOMENTUM, Converges, Edge, HeavyBall, Nesterov, beta
from theory.notation import At, e1, eta, h
from theory.parameters import BATCH, CURVATURE, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

x = eta * h
ball, nesterov = Converges(HeavyBall(e1**2)), Converges(Nesterov(e1**2))
ball_room, nesterov_room = 2 * (1 + beta) - x, 2 * (1 + beta) - x * (1 + 2 * beta)
effective_room = 2 * (1 + beta) - (1 - beta) * x

ball_criterion = sp.Eq(ball, Positive(ball_room), evaluate=False)
nesterov_criterion = sp.Eq(nesterov, Positive(nesterov_room), evaluate=False)
ball_edge = sp.Eq(Edge(ball, eta), 2 * (1 + beta) / h, evaluate=False)
nesterov_edge = sp.Eq(Edge(nesterov, eta), 2 * (1 + beta) / (h * (1 + 2 * beta)), evaluate=False)
effective = sp.Eq(At(ball, eta, (1 - beta) * eta), Positive(effective_room), evaluate=False)

LAW = Law(
    id="momentum.stability",
    version=1,
    title="Stability with momentum: necessary and sufficient",
    parts=(
        Part("heavy_ball", ball_criterion, derivation=(
            Step("schur", Positive(1 - beta) * Positive(x) * Positive(ball_room),
                 "a step has trace 1 + beta - eta h and determinant beta"),
            Step("sign", Positive(ball_room), "1 - beta and eta h are above zero on the domain"),
        ), rivals=(
            Rival("no momentum", Positive(2 - x), "plain SGD's edge"),
            Rival("2(1-beta)", Positive(2 * (1 - beta) - x), "plain SGD at the effective step size eta/(1 - beta)"),
            Rival("edge included", 1 - Positive(-ball_room), "at the edge errors oscillate for ever", near=True),
            Rival("1 + 2 beta", Positive(2 * (1 + 2 * beta) - x), "a factor", near=True),
        )),
        Part("nesterov", nesterov_criterion, derivation=(
            Step("schur", Positive(1 - beta + x * beta) * Positive(x) * Positive(nesterov_room),
                 "a step has trace (1 + beta)(1 - eta h) and determinant beta (1 - eta h)"),
            Step("sign", Positive(nesterov_room), "the first two are above zero on the domain"),
        ), rivals=(
            Rival("heavy ball", Positive(ball_room), "the other method"),
            Rival("2(1-beta)", Positive(2 * (1 - beta) - x), "plain SGD at the effective step size"),
            Rival("no momentum", Positive(2 - x), "plain SGD's edge"),
            Rival("edge included", 1 - Positive(-nesterov_room), "at the edge errors oscillate for ever", near=True),
        )),
        Part("heavy_ball_edge", ball_edge, derivation=(
            Step("law:/heavy_ball", Edge(Positive(ball_room), eta), "the criterion"),
            Step("linear edge", ball_edge.args[1], "it is linear in the step size"),
        ), rivals=(
            Rival("no momentum", 2 / h, "plain SGD's edge"),
            Rival("2(1-beta)", 2 * (1 - beta) / h, "the effective step size eta/(1 - beta) at plain SGD's edge"),
            Rival("1 + beta", (1 + beta) / h, "a factor"),
            Rival("1 + 2 beta", 2 * (1 + 2 * beta) / h, "a factor", near=True),
        )),
        Part("nesterov_edge", nesterov_edge, derivation=(
            Step("law:/nesterov", Edge(Positive(nesterov_room), eta), "the criterion"),
            Step("linear edge", nesterov_edge.args[1], "it is linear in the step size"),
        ), rivals=(
            Rival("heavy ball", 2 * (1 + beta) / h, "the other method"),
            Rival("no momentum", 2 / h, "plain SGD's edge"),
            Rival("1 + beta", 2 / (h * (1 + beta)), "a factor", near=True),
        )),
        Part("effective", effective, derivation=(
            Step("law:/heavy_ball", Positive(effective_room),
                 "the criterion at the step size (1 - beta) eta, whose effective step size is eta"),
        ), rivals=(
            Rival("no momentum", Positive(2 - x), "as if only the effective step size mattered"),
            Rival("heavy ball", Positive(ball_room), "the step size itself"),
            Rival("1 - 2 beta", Positive(2 * (1 + beta) - (1 - 2 * beta) * x), "a factor", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE, CURVATURE, MOMENTUM),
    constraints=(FITS, BELOW_ONE),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian, so that noise does not move the edge; "
                   "one eigenmode, of a quadratic several the sharpest"),
        Assumption("the two methods", "as in momentum.heavy_ball and momentum.nesterov"),
    ),
    sources=(
        Source("polyak1964", note="heavy ball and its range of step sizes"),
        Source("jury1964", note="the criterion in any dimension; in two it is proved by the rule"),
        Source("batchlaws", note="both edges, and the comparison at equal effective step size", read=True),
    ),
    headline="heavy_ball_edge",
    words=(
        "How large may a step be? With heavy ball, below 2(1 + beta)/h: nearly twice as large as without momentum. "
        "With Nesterov's method, below 2(1 + beta)/(h(1 + 2 beta)): smaller than without, by up to a third. Both "
        "conditions are necessary and sufficient, and the edge itself is not stable. People expect 2(1 - beta)/h, "
        "because momentum multiplies the effective step size by 1/(1 - beta). It does for slow directions and not "
        "at the edge: at equal effective step size heavy ball tolerates (1 + beta)/(1 - beta) times as much "
        "curvature as plain SGD."
    ),
    answers={
        4: "Momentum moves the sharpness at which steps become unstable: up to 2(1 + beta)/eta for heavy ball, down "
           "for Nesterov's method.",
    },
)
