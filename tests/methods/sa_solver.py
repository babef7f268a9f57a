"""SA-Solver."""

from hypothesis import strategies as st
from reference.sampler_sa_solver import sa_solver, sa_solver_pece

from methods.method import NUMBER, Method, small

RANDOM = st.fixed_dictionaries(
    {},
    optional={
        "predictor_order": st.integers(1, 4),
        "corrector_order": st.integers(0, 4),
        "eta": small,
        "s_noise": small,
        "simple_order_2": st.booleans(),
        "lower_order_final": st.booleans(),
    },
)
OPTIONS = (
    {},
    {"predictor_order": 2, "corrector_order": 2, "simple_order_2": True, "eta": 0.6, "s_noise": 1.1},
    {"predictor_order": 1, "corrector_order": 0, "eta": 0.0},
    {"predictor_order": 4, "corrector_order": 3, "lower_order_final": False},
)
ODE = ({"eta": 0.0},)
OTHER_ORDERS = (
    ({"eta": 0.0, "predictor_order": 1, "corrector_order": 0}, 1),
    ({"eta": 0.0, "predictor_order": 2, "corrector_order": 0}, 2),
    ({"eta": 0.0, "predictor_order": 1, "corrector_order": 2}, 2),
    ({"eta": 0.0, "predictor_order": 2, "corrector_order": 3}, 3),
    ({"eta": 0.0, "predictor_order": 2, "corrector_order": 2, "simple_order_2": True}, 2),
)
WEAK = ({}, {"predictor_order": 1, "corrector_order": 0}, {"predictor_order": 2, "corrector_order": 2})
BAD = (
    ({"predictor_order": 0}, "predictor_order is 0; expected 1 to 6"),
    ({"predictor_order": 7}, "predictor_order is 7; expected 1 to 6"),
    ({"corrector_order": -1}, "corrector_order is -1; expected 0 to 6; 0 for no corrector"),
    ({"eta": -0.1}, f"eta is -0.1; {NUMBER}"),
    ({"s_noise": -0.1}, f"s_noise is -0.1; {NUMBER}"),
    ({"sde_start": 1.5}, "sde_start is 1.5; expected 0 to 1"),
    ({"sde_end": -0.5}, "sde_end is -0.5; expected 0 to 1"),
    (
        {"sde_end": 0.8},
        "sde_end is 0.8 and there is no process to say which sigma that is; give compile the process, or a sde_end of "
        "0 or 1",
    ),
    ({"end": "first"}, "end is 'first'; expected 'last' or 'before_last'"),
    ({"simple_order_2": 1}, "simple_order_2 is 1; expected True or False"),
)

METHODS = [
    Method(
        "sa_solver",
        sa_solver,
        options=OPTIONS,
        random=RANDOM,
        ode=ODE,
        formula=ODE,
        orders=OTHER_ORDERS,
        weak=WEAK,
        limits=(
            ({"eta": 0.0, "predictor_order": 1, "corrector_order": 0}, "euler", {}),
            (
                {
                    "eta": 0.0,
                    "predictor_order": 2,
                    "corrector_order": 0,
                    "simple_order_2": True,
                    "lower_order_final": False,
                },
                "uni_pc",
                {"order": 2, "corrector": False, "lower_order_final": False},
            ),
        ),
        bad=BAD,
        ratios=(0.3, 0.8),
    ),
    Method(
        "sa_solver_pece",
        sa_solver_pece,
        options=OPTIONS,
        random=RANDOM,
        ode=ODE,
        formula=ODE,
        orders=OTHER_ORDERS,
        weak=WEAK,
        limits=(({"eta": 0.0, "corrector_order": 0}, "sa_solver", {"eta": 0.0, "corrector_order": 0}),),
        bad=BAD,
        ratios=(0.3, 0.8),
    ),
]

PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {
    name: (name, {"sde_start": 0.2, "sde_end": 0.8}) for name in ("sa_solver", "sa_solver_pece")
}
